import { Autocomplete, Button, Group } from '@mantine/core'
import { useState } from 'react'
import { client, live } from '../api/queries'
import type { Facets } from '../api/types'
import { useOpened } from '../shell/context'
import { REVIEW_TAG } from '../words'

export function TagPicker({ pick }: { pick: (tag: string) => void }) {
  const { id, project } = useOpened()
  const [text, setText] = useState('')
  const counted = client.getQueryData<Facets>(live(id, 'facets', {})) // the header keeps it
  const known = [...new Set([...Object.keys(counted?.tag ?? {}), ...project.tags, REVIEW_TAG])]
  const submit = () => {
    if (text.trim()) pick(text.trim())
    setText('')
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Group gap={6} wrap="nowrap">
        <Autocomplete
          size="xs"
          data={known}
          value={text}
          onChange={setText}
          placeholder="Tag"
          aria-label="Tag"
          maxLength={200}
          style={{ flex: 1 }}
          comboboxProps={{ withinPortal: false }}
          data-autofocus
        />
        <Button size="xs" variant="default" type="submit" disabled={!text.trim()}>
          Tag
        </Button>
      </Group>
    </form>
  )
}
