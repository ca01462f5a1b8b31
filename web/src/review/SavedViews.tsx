/** Views under a name, for everybody who opens the project: filter, order and layout; and the address of this one. */
import { ActionIcon, Button, Divider, Group, Popover, Text, TextInput } from '@mantine/core'
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
  // pages that come unencrypted from another machine have no clipboard at all
  const clipboard: Clipboard | undefined = navigator.clipboard
  const copy = () =>
    void (clipboard?.writeText(window.location.href) ?? Promise.reject(new Error())).then(
      () => actions.say('The address of this view is in the clipboard.'),
      () => actions.say('The browser does not let the page copy; take the address from its bar.'),
    )
  return (
    <>
      <Popover opened={opened} onChange={setOpened} position="bottom-start" width={300} trapFocus shadow="md">
        <Popover.Target>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconBookmark size={14} />}
            aria-haspopup="dialog"
            onClick={() => setOpened(!opened)}
          >
            Views
          </Button>
        </Popover.Target>
        <Popover.Dropdown p={6} aria-label="Saved views">
          {data?.length === 0 && (
            <Text size="sm" c="dimmed" p={6}>
              None saved yet
            </Text>
          )}
          {data?.map((view) => (
            <Group key={view.name} gap={2} wrap="nowrap">
              <button
                type="button"
                className="preset"
                title={view.person ? `Saved by ${view.person}` : undefined}
                onClick={() => {
                  setOpened(false)
                  go({ ...decodePlace(`/p/${id}/review`, `?${view.query}`), project: id })
                }}
              >
                <span className="wrap">{view.name}</span>
              </button>
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
          <Divider my={6} />
          <form
            onSubmit={(event) => {
              event.preventDefault()
              if (!name.trim()) return
              take(api.saveView(id, name.trim(), query), `Saved as “${name.trim()}”.`)
              setName('')
              setOpened(false)
            }}
          >
            <Group gap={6} wrap="nowrap">
              <TextInput
                size="xs"
                style={{ flex: 1 }}
                aria-label="Name of this view"
                placeholder="Save this view as"
                maxLength={80}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button size="compact-sm" type="submit" disabled={!name.trim()}>
                Save
              </Button>
            </Group>
          </form>
        </Popover.Dropdown>
      </Popover>
      <ActionIcon variant="default" size={26} aria-label="Copy the address of this view" onClick={copy}>
        <IconLink size={14} />
      </ActionIcon>
    </>
  )
}
