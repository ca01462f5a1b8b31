/** What can be done to a project as a whole: rename it, run it again, delete it. */
import { ActionIcon, Alert, Button, Group, Menu, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
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
  const [effort, setEffort] = useState('')
  const [label, setLabel] = useState('')
  const { busy, told, run } = useDoing(close)
  return (
    <Dialog onClose={close} title={`Analyse ${item.name} again`} centered>
      <Stack>
        <Text size="sm" c="dimmed">
          Work that is finished and still fits is not done twice. Decisions stay.
        </Text>
        <NativeSelect
          label="Effort"
          value={effort}
          onChange={(event) => setEffort(event.currentTarget.value)}
          data={[
            { value: '', label: 'As before' },
            { value: 'fast', label: 'Fast' },
            { value: 'regular', label: 'Regular' },
            { value: 'best', label: 'Best' },
          ]}
        />
        <TextInput
          label="Label column"
          description="Empty: as before"
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        {told}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            loading={busy}
            onClick={() =>
              void run(() =>
                api.runAgain(item.id, {
                  ...(effort ? { effort } : {}),
                  ...(label.trim() ? { label: label.trim() } : {}),
                }),
              )
            }
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
