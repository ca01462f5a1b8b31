/** What can be done to the selected rows; each button shows a preview first. */
import { ActionIcon, Button, Popover, Text, Tooltip } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import type { ActionName, Label } from '../api/types'
import { count, REVIEW_TAG } from '../words'
import { ClassPicker } from '../row/ClassPicker'
import { TagPicker } from '../row/TagPicker'

interface Props {
  n: number
  total: number
  act: (action: ActionName, more?: { label?: Label; text?: string }) => Promise<void>
  clear: () => void
  all: () => void
}

export function BulkBar({ n, total, act, clear, all }: Props) {
  return (
    <div className="bulk" role="toolbar" aria-label="Decide for the selected rows">
      <Text size="sm" fw={650} role="status">
        {count(n)} selected
      </Text>
      {n < total && (
        <Button size="compact-sm" variant="subtle" onClick={all}>
          All {count(total)}
        </Button>
      )}
      <span className="gap" />
      <Button size="compact-sm" onClick={() => void act('auto-fix')}>
        Accept
      </Button>
      <Pop label="Label …">
        {(close) => (
          <ClassPicker
            pick={(label) => {
              close()
              void act('label', { label })
            }}
          />
        )}
      </Pop>
      <Button size="compact-sm" variant="default" onClick={() => void act('keep')}>
        Keep
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => void act('exclude')}>
        Leave out
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => void act('tag', { text: REVIEW_TAG })}>
        Needs review
      </Button>
      <Pop label="Tag …">
        {(close) => (
          <TagPicker
            pick={(text) => {
              close()
              void act('tag', { text })
            }}
          />
        )}
      </Pop>
      <Button size="compact-sm" variant="subtle" onClick={() => void act('clear')}>
        Clear decisions
      </Button>
      <Tooltip label="Select nothing (Esc)">
        <ActionIcon variant="subtle" color="gray" aria-label="Select nothing" onClick={clear}>
          <IconX size={16} />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

function Pop({ label, children }: { label: string; children: (close: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false)
  return (
    <Popover opened={open} onChange={setOpen} position="top" trapFocus shadow="md" width={280}>
      <Popover.Target>
        <Button size="compact-sm" variant="default" aria-haspopup="dialog" onClick={() => setOpen(!open)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>{children(() => setOpen(false))}</Popover.Dropdown>
    </Popover>
  )
}
