/** Errors and empty places: what happened, and what to do next. */
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Problem } from '../api/client'

export function Notice({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Stack align="center" justify="center" gap="xs" p="xl" className="notice">
      <Title order={2} size="h4">
        {title}
      </Title>
      {children && (
        <Text c="dimmed" size="sm" ta="center" maw={520} component="div">
          {children}
        </Text>
      )}
      {action && <Group mt="sm">{action}</Group>}
    </Stack>
  )
}

export function Failure({ error, retry, children }: { error: unknown; retry?: () => void; children?: ReactNode }) {
  const status = error instanceof Problem ? error.status : undefined
  const refused = status === 422 // it would be so again
  const said = message(error)
  return (
    <div role="alert">
      <Notice
        title={
          status === 0
            ? 'No answer from the server'
            : refused
              ? 'There is nothing to show for this'
              : 'That did not work'
        }
        action={
          <>
            {retry && !refused && (
              <Button variant="default" onClick={retry}>
                Try again
              </Button>
            )}
            {children}
          </>
        }
      >
        {said.charAt(0).toUpperCase() + said.slice(1)}
      </Notice>
    </div>
  )
}

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
