/** Who are you, then where are you: the session first, then the page that the address names. */
import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api } from '../api/client'
import { ProjectsPage } from '../projects/ProjectsPage'
import { usePlace } from '../url/router'
import { Boundary } from '../shell/Boundary'
import { Failure } from '../shell/Notice'
import { ProjectShell } from './ProjectShell'
import { SignIn } from '../shell/SignIn'

export function App() {
  const place = usePlace()
  const session = useQuery({ queryKey: ['session'], queryFn: api.session, staleTime: Infinity })

  useEffect(() => {
    if (place.project === null) document.title = 'Projects · Assay'
  }, [place.project])

  if (session.error) return <Failure error={session.error} retry={() => void session.refetch()} />
  if (!session.data)
    return (
      <Center h="100vh">
        <Loader aria-label="Loading" />
      </Center>
    )
  if (!session.data.signed_in) return <SignIn session={session.data} />
  return (
    <Boundary key={place.project}>
      {place.project === null ? (
        <ProjectsPage person={session.data.person} />
      ) : (
        <ProjectShell id={place.project} person={session.data.person} />
      )}
    </Boundary>
  )
}
