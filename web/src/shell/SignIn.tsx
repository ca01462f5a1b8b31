/** The door, where the server asks for a password or a token. */
import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { api } from '../api/client'
import { client } from '../api/queries'
import type { Session } from '../api/types'
import { message } from './Notice'
import { Mark } from './SchemeToggle'

export function SignIn({ session }: { session: Session }) {
  const [secret, setSecret] = useState('')
  const [person, setPerson] = useState(session.person)
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const password = session.needs === 'password'

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      client.setQueryData(
        ['session'],
        await api.signIn({ [password ? 'password' : 'token']: secret, ...(person ? { person } : {}) }),
      )
    } catch (problem) {
      setError(message(problem))
    }
    setBusy(false)
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={400} maw="100%">
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <Group gap={10}>
              <Mark />
              <Title order={1} size="h3">
                Assay
              </Title>
            </Group>
            <Text size="sm" c="dimmed">
              {password ? (
                'This server asks for its password.'
              ) : (
                <>
                  Open the address that <code>assay serve</code> printed: it carries the token. Or paste the token here.
                </>
              )}
            </Text>
            <TextInput
              label="Your name"
              description="Stands beside your decisions in the history"
              value={person}
              onChange={(event) => setPerson(event.currentTarget.value)}
              autoComplete="username"
            />
            <PasswordInput
              label={password ? 'Password' : 'Token'}
              value={secret}
              onChange={(event) => setSecret(event.currentTarget.value)}
              autoComplete="current-password"
              required
              autoFocus
            />
            {error && (
              <Alert color="red" role="alert">
                {error}
              </Alert>
            )}
            <Button type="submit" loading={busy}>
              Come in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
