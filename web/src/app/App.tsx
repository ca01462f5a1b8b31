/** Who are you, then where are you: the session first, then the page that the address names. */
import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api } from '../api/client'
import { ProjectsPage } from '../projects/ProjectsPage'
import { go, usePlace } from '../url/router'
import { Boundary } from '../shell/Boundary'
import { Failure } from '../shell/Notice'
import { ProjectShell } from './ProjectShell'
import { SignIn } from '../shell/SignIn'

/** The page was opened without a project in its address: it may go to the one that the server was started for, once. */
let fresh = window.location.pathname === '/'

export function App() {
  const place = usePlace()
  const session = useQuery({ queryKey: ['session'], queryFn: api.session, staleTime: Infinity })

  useEffect(() => {
    if (place.project === null) document.title = 'Projects · Assay'
  }, [place.project])

  const start = session.data?.start
  useEffect(() => {
    if (start && fresh && place.project === null) go({ project: start, tab: 'overview' }, { replace: true })
    if (session.data?.signed_in) fresh = false
  }, [start, place.project, session.data?.signed_in])

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
