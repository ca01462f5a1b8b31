/** "Clean top K": the first K rows of the current filter and sort, one action, with the preview after it. */
import { Button, Group, NumberInput, Radio, Slider, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { ActionName, Label } from '../api/types'
import { ClassPicker } from '../row/ClassPicker'
import { useOpened } from '../shell/context'
import { usePlace } from '../url/router'
import { count, labelText, percent, REVIEW_TAG, rows, verb } from '../words'
import { Dialog } from '../shell/Dialog'

export function TopK({ total, close }: { total: number; close: () => void }) {
  const { project, actions } = useOpened()
  const { filter, sort } = usePlace()
  const [k, setK] = useState<number>(Math.min(total, 100))
  const [action, setAction] = useState<ActionName>('auto-fix')
  const [label, setLabel] = useState<Label | null>(null)
  const ready = k >= 1 && (action !== 'label' || label !== null)

  const next = () => {
    const text = action === 'tag' ? REVIEW_TAG : undefined
    close()
    actions.propose(
      {
        action,
        label: action === 'label' ? label : undefined,
        text,
        target: { filter, sort, top: k, ranges: null },
        route: 'bulk',
      },
      `${verb(action, label, text)} the top ${rows(k)}?`,
    )
  }

  return (
    <Dialog onClose={close} title="Clean the top of this list" centered>
      <Stack gap="lg">
        <Text size="sm" c="dimmed">
          It takes the first rows as the current filter and sort show them. The filter selects {count(total)} of{' '}
          {rows(project.rows)} ({percent(total / Math.max(1, project.rows))}).
        </Text>
        <Group align="end" wrap="nowrap">
          <NumberInput
            label="How many"
            value={k}
            onChange={(value) => setK(Math.max(0, Math.min(total, Number(value) || 0)))}
            min={1}
            max={total}
            thousandSeparator=","
            clampBehavior="strict"
            onFocus={(event) => event.currentTarget.select()}
            w={130}
            data-autofocus
          />
          <Text size="sm" pb={8}>
            of {count(total)}
          </Text>
          <Button variant="default" ml="auto" onClick={() => setK(total)}>
            All
          </Button>
        </Group>
        <Slider
          value={k}
          onChange={setK}
          min={1}
          max={Math.max(2, total)}
          label={null}
          thumbLabel="How many of the first rows"
        />
        <Radio.Group label="What to do with them" value={action} onChange={(value) => setAction(value)}>
          <Stack gap={6} mt={6}>
            <Radio value="auto-fix" label="Accept the suggestions" />
            <Radio value="label" label={`Label them all${label === null ? '' : ` as “${labelText(label)}”`}`} />
            <Radio value="keep" label="Keep as given" />
            <Radio value="exclude" label="Leave out" />
            <Radio value="tag" label="Tag “needs review”" />
          </Stack>
        </Radio.Group>
        {action === 'label' && <ClassPicker pick={setLabel} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button onClick={next} disabled={!ready}>
            See what would change
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
