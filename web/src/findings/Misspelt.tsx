/** Misspelt class names as one table instead of a finding each; knows how to merge them, not who found them. */
import { Button, Checkbox, Text } from '@mantine/core'
import { useState } from 'react'
import type { Label } from '../api/types'
import { useOpened } from '../shell/context'
import { count, labelKey, labelText, rows } from '../words'

/** A class whose name looks like another's, as the analysis tells it. */
export interface Merge {
  merge: Label
  into: Label
  count: number
  into_count: number
  kind: string
}

/** Misspelt class names as one table, ticked to be merged all at once. */
export function Misspelt({ list }: { list: Merge[] }) {
  const { actions } = useOpened()
  const [left, setLeft] = useState<Set<string>>(new Set())
  const [done, setDone] = useState(false)
  const ticked = list.filter((one) => !left.has(labelKey(one.merge)))
  const n = ticked.reduce((sum, one) => sum + one.count, 0)
  const turn = (key: string) =>
    setLeft((old) => {
      const next = new Set(old)
      if (!next.delete(key)) next.add(key)
      return next
    })
  return (
    <div className="misspelt">
      <Text size="sm" mb={6}>
        <b>Names of classes that look misspelt: {count(list.length)}.</b> Untick those that mean something of their own.
      </Text>
      <div className="scroll" tabIndex={0} role="region" aria-label="Misspelt class names">
        <table>
          <thead>
            <tr>
              <th>
                <Checkbox
                  size="xs"
                  aria-label="Tick all"
                  checked={left.size === 0}
                  indeterminate={left.size > 0 && ticked.length > 0}
                  onChange={() => setLeft(left.size ? new Set() : new Set(list.map((one) => labelKey(one.merge))))}
                />
              </th>
              <th>Name</th>
              <th className="number">Rows</th>
              <th>Merge into</th>
              <th className="number">Rows</th>
              <th>How it differs</th>
            </tr>
          </thead>
          <tbody>
            {list.map((one) => (
              <tr key={labelKey(one.merge)}>
                <td>
                  <Checkbox
                    size="xs"
                    aria-label={`Merge ${labelText(one.merge)} into ${labelText(one.into)}`}
                    checked={!left.has(labelKey(one.merge))}
                    onChange={() => turn(labelKey(one.merge))}
                  />
                </td>
                <td className="wrap" dir="auto">
                  {labelText(one.merge)}
                </td>
                <td className="number">{count(one.count)}</td>
                <td className="wrap" dir="auto">
                  {labelText(one.into)}
                </td>
                <td className="number">{count(one.into_count)}</td>
                <td>{one.kind === 'variant' ? 'case, spaces or punctuation' : 'spelling'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Button
        size="compact-sm"
        mt={8}
        disabled={!ticked.length || done}
        onClick={() =>
          void actions
            .merge(ticked.map((one) => [one.merge, one.into]))
            .then((made) => setDone(made?.entry !== null && made !== null))
        }
      >
        {done ? 'Merged' : `Merge ${ticked.length === list.length ? 'all ' : ''}${count(ticked.length)} (${rows(n)})`}
      </Button>
    </div>
  )
}
