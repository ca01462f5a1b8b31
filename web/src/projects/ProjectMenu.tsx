/** What can be done to a project as a whole: rename it, run it again, delete it. */
import { ActionIcon, Alert, Button, Group, Loader, Menu, Stack, Text, TextInput } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { api } from '../api/client'
import { client } from '../api/queries'
import type { ProjectItem } from '../api/types'
import { Dialog } from '../shell/Dialog'
import { message } from '../shell/Notice'
import { megabytes } from '../words'
import { active } from './JobProgress'
import { Columns, Modality, Reading } from './SourceFields'

type Asked = 'rename' | 'again' | 'delete'
const again = () => client.invalidateQueries({ queryKey: ['projects'] })

export function ProjectMenu({ item }: { item: ProjectItem }) {
  const [asked, setAsked] = useState<Asked | null>(null)
  const running = active(item.job)
  const close = () => setAsked(null)
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More about ${item.name}`}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('rename')} disabled={running}>
            Rename
          </Menu.Item>
          <Menu.Item onClick={() => setAsked('again')} disabled={running || !item.job}>
            {item.state === 'failed' || item.state === 'cancelled' ? 'Go on with the run' : 'Run again'}
            {!item.job && ' (analysed in the terminal)'}
          </Menu.Item>
          <Menu.Item color="red" onClick={() => setAsked('delete')} disabled={running}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked === 'rename' && <Rename item={item} close={close} />}
      {asked === 'again' && <Again item={item} close={close} />}
      {asked === 'delete' && <Delete item={item} close={close} />}
    </>
  )
}

/** Ask, say what went wrong, close when it is done. */
function useDoing(close: () => void) {
  const [state, setState] = useState({ busy: false, error: '' })
  const run = async (work: () => Promise<unknown>) => {
    setState({ busy: true, error: '' })
    try {
      await work()
      await again()
      close()
    } catch (problem) {
      setState({ busy: false, error: message(problem) })
    }
  }
  const told = state.error ? (
    <Alert color="red" role="alert" p="xs">
      {state.error}
    </Alert>
  ) : null
  return { busy: state.busy, told, run }
}

function Rename({ item, close }: { item: ProjectItem; close: () => void }) {
  const [name, setName] = useState(item.name)
  const { busy, told, run } = useDoing(close)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(() => api.rename(item.id, name.trim()))
  }
  return (
    <Dialog onClose={close} title={`Rename ${item.name}`} centered>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={100}
            data-autofocus
          />
          {told}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={!name.trim() || name.trim() === item.name}>
              Rename
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function Again({ item, close }: { item: ProjectItem; close: () => void }) {
  const [changed, setChanged] = useState<Record<string, string>>({})
  const { busy, told, run } = useDoing(close)
  const { data, error, isFetching } = useQuery({
    queryKey: ['again', item.id, changed],
    queryFn: ({ signal }) => api.lookAgain(item.id, changed, signal),
    placeholderData: (old) => old,
    staleTime: 60_000,
    retry: false,
  })
  const set = (key: string, value: string) => setChanged((old) => ({ ...old, [key]: value }))
  const chosen = data && { data: data.source, options: { ...data.options, ...changed }, set }
  return (
    <Dialog onClose={close} title={`Analyse ${item.name} again`} centered size="xl">
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Work that is finished and still fits is not done twice. Decisions stay.
        </Text>
        {!data && !error && (
          <Group>
            <Loader size="sm" aria-label="Looking at the data" />
            <Text c="dimmed">Looking at the data …</Text>
          </Group>
        )}
        {chosen && (
          <>
            <Modality data={chosen.data} set={set} />
            <Columns {...chosen} />
            <Reading {...chosen} error={error} busy={isFetching} />
          </>
        )}
        {error && !data && (
          <Alert color="red" role="alert" title="The data cannot be read">
            {message(error)}
          </Alert>
        )}
        {told}
        <Group justify="flex-end" className="stays-in-sight">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            loading={busy}
            disabled={Boolean(error)}
            onClick={() => void run(() => api.runAgain(item.id, changed))}
          >
            Start
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

function Delete({ item, close }: { item: ProjectItem; close: () => void }) {
  const size = useQuery({ queryKey: ['size', item.id], queryFn: () => api.size(item.id), staleTime: 0 })
  const { busy, told, run } = useDoing(close)
  return (
    <Dialog onClose={close} title={`Delete ${item.name}?`} centered>
      <Stack>
        <Text size="sm">
          Its results and every decision in it are gone for good
          {size.data ? `, and ${megabytes(size.data.bytes)} are free` : ''}. The data that it was made of stays where it
          is.
        </Text>
        {told}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            Keep it
          </Button>
          <Button color="red" loading={busy} onClick={() => void run(() => api.delete(item.id))}>
            Delete
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
