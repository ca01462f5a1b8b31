/** Four steps for a first visit, in the rail where they cover nothing; skipped once, they never come again. */
import { Button, Group, Text } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { useEffect, useState } from 'react'

const STEPS: [string, string][] = [
  [
    '.rail',
    'What was found stands here, with how much of it is still open. A click shows those rows, the worst first.',
  ],
  ['.grid-place', 'Click a row, or press Enter: beside it you see why it was flagged, and what it is like.'],
  [
    '.grid-place',
    'W takes the suggestion, Q keeps the given label, E leaves the row out; H shows all keys. Ctrl Z takes back.',
  ],
  ['.tools', 'Ctrl A or Clean top decide for many rows at once: you always see first what would change. Then export.'],
]

export function Tour() {
  const [seen, setSeen] = useLocalStorage({ key: 'assay-tour', defaultValue: false, getInitialValueInEffect: false })
  const [at, setAt] = useState(0)
  useEffect(() => {
    if (seen) return
    const target = document.querySelector(STEPS[at]![0])
    target?.classList.add('tour-here')
    return () => target?.classList.remove('tour-here')
  }, [seen, at])
  if (seen) return null
  const last = at === STEPS.length - 1
  return (
    <section className="tour" aria-label="First steps">
      <Text size="xs" c="dimmed">
        First steps, {at + 1} of {STEPS.length}
      </Text>
      <Text size="sm">{STEPS[at]![1]}</Text>
      <Group gap={4} mt={6}>
        <Button size="compact-xs" onClick={() => (last ? setSeen(true) : setAt(at + 1))}>
          {last ? 'Done' : 'Next'}
        </Button>
        {!last && (
          <Button size="compact-xs" variant="subtle" onClick={() => setSeen(true)}>
            Skip for good
          </Button>
        )}
      </Group>
    </section>
  )
}
