/** Views under a name, for everybody who opens the project: filter, order and layout; and the address of this one. */
import { ActionIcon, Button, Group, Menu, TextInput } from '@mantine/core'
import { IconBookmark, IconLink, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { client } from '../api/queries'
import { useOpened } from '../shell/context'
import { message } from '../shell/Notice'
import { decodePlace, encodePlace } from '../url/address'
import { go, usePlace } from '../url/router'

export function SavedViews() {
  const { id, actions } = useOpened()
  const place = usePlace()
  const [name, setName] = useState('')
  const [opened, setOpened] = useState(false)
  const key = ['views', id]
  const { data } = useQuery({ queryKey: key, queryFn: () => api.views(id), enabled: opened })
  const query = encodePlace({ ...place, row: null, pick: false }).split('?')[1] ?? ''
  const take = (work: Promise<unknown>, said: string) =>
    void work.then(
      (list) => {
        client.setQueryData(key, list)
        actions.say(said)
      },
      (error: unknown) => actions.say(message(error)),
    )
  const copy = () =>
    void navigator.clipboard.writeText(window.location.href).then(
      () => actions.say('The address of this view is in the clipboard.'),
      () => actions.say('The browser does not let the page copy; take the address from its bar.'),
    )
  return (
    <>
      <Menu opened={opened} onChange={setOpened} position="bottom-start" width={300} trapFocus>
        <Menu.Target>
          <Button size="compact-sm" variant="default" leftSection={<IconBookmark size={14} />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {data?.length === 0 && <Menu.Label>None saved yet</Menu.Label>}
          {data?.map((view) => (
            <Group key={view.name} gap={2} wrap="nowrap">
              <Menu.Item
                title={view.person ? `Saved by ${view.person}` : undefined}
                onClick={() => go({ ...decodePlace(`/p/${id}/review`, `?${view.query}`), project: id })}
              >
                {view.name}
              </Menu.Item>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Delete the view ${view.name}`}
                onClick={() => take(api.deleteView(id, view.name), `Deleted the view “${view.name}”.`)}
              >
                <IconX size={13} />
              </ActionIcon>
            </Group>
          ))}
          <Menu.Divider />
          <form
            onSubmit={(event) => {
              event.preventDefault()
              if (!name.trim()) return
              take(api.saveView(id, name.trim(), query), `Saved as “${name.trim()}”.`)
              setName('')
              setOpened(false)
            }}
          >
            <Group gap={6} p={6} wrap="nowrap">
              <TextInput
                size="xs"
                style={{ flex: 1 }}
                aria-label="Name of this view"
                placeholder="Save this view as"
                maxLength={80}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                onKeyDown={(event) => event.key !== 'Escape' && event.stopPropagation()}
              />
              <Button size="compact-sm" type="submit" disabled={!name.trim()}>
                Save
              </Button>
            </Group>
          </form>
        </Menu.Dropdown>
      </Menu>
      <ActionIcon variant="default" size={26} aria-label="Copy the address of this view" onClick={copy}>
        <IconLink size={14} />
      </ActionIcon>
    </>
  )
}
