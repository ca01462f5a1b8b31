/** Somebody was quicker: what they did, and the choice to leave it or to decide anyway. */
import { Button, Group, Table, Text } from '@mantine/core'
import type { Meanwhile } from '../api/types'
import { Scroll } from '../shell/Scroll'
import { actionWord, count, labelText, rows } from '../words'
import { Dialog } from '../shell/Dialog'

export function MeanwhileDialog({
  others,
  leave,
  anyway,
}: {
  others: Meanwhile[]
  leave: () => void
  anyway: () => void
}) {
  const people = [...new Set(others.map((other) => other.person))].join(' and ')
  return (
    <Dialog onClose={leave} title="Meanwhile …" centered>
      <Text size="sm" mb="sm">
        While you were looking, {people} decided {others.length === 1 ? 'this row' : rows(others.length)}. Nothing of
        yours was written yet.
      </Text>
      <Scroll height={240} label="What others decided">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Row</Table.Th>
              <Table.Th>Who</Table.Th>
              <Table.Th>What</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {others.slice(0, 50).map((other) => (
              <Table.Tr key={other.row}>
                <Table.Td>{count(other.row)}</Table.Td>
                <Table.Td>{other.person}</Table.Td>
                <Table.Td>
                  {actionWord(other.action)}
                  {other.label === null ? '' : ` as ${labelText(other.label)}`}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={anyway}>
          Decide anyway
        </Button>
        <Button onClick={leave} data-autofocus>
          Leave {others.length === 1 ? 'it' : 'them'} as {others.length === 1 ? 'it is' : 'they are'}
        </Button>
      </Group>
    </Dialog>
  )
}
