/** How data is read, and what of it can be chosen: for a new project, and for one that is run again. */
import { Alert, Button, Group, MultiSelect, NativeSelect, Select, Table, Text } from '@mantine/core'
import type { SourcePreview } from '../api/types'
import { message } from '../shell/Notice'
import { Scroll } from '../shell/Scroll'
import { count, counted, labelText, shortened, withoutOptions } from '../words'

const ROLES = [
  ['label', 'Label'],
  ['text', 'Text'],
  ['image', 'Picture'],
  ['id', 'Row id'],
  ['split', 'Split'],
] as const
const BY_MODALITY: Record<string, string[]> = {
  image: ['label', 'image', 'id', 'split'],
  text: ['label', 'text', 'id', 'split'],
  table: ['label', 'id', 'split'],
}

interface Chosen {
  data: SourcePreview
  options: Record<string, string>
  set: (key: string, value: string) => void
}

export function Modality({ data, set }: Omit<Chosen, 'options'>) {
  return (
    <NativeSelect
      label="What the rows are"
      value={data.modality}
      onChange={(event) => set('modality', event.currentTarget.value)}
      data={[
        { value: 'image', label: 'Pictures' },
        { value: 'text', label: 'Texts' },
        { value: 'table', label: 'Table rows' },
      ]}
    />
  )
}

export function Columns({ data, options, set }: Chosen) {
  const columns = data.columns.map((column) => column.name!)
  return (
    <>
      {columns.length > 0 && (
        <Group grow align="start">
          {ROLES.filter(([role]) => BY_MODALITY[data.modality]?.includes(role)).map(([role, title]) => (
            <Select
              key={role}
              label={title}
              placeholder="none"
              clearable={role !== 'image' && role !== 'text'}
              searchable
              limit={200}
              value={
                typeof data.roles[role] === 'string' && columns.includes(data.roles[role]) ? data.roles[role] : null
              }
              data={columns}
              onChange={(value) => set(role, value ?? (role === 'split' || role === 'label' ? 'none' : ''))}
            />
          ))}
        </Group>
      )}
      <Group grow align="start">
        <NativeSelect
          label="Effort"
          description="More finds more and takes longer"
          value={options.effort ?? 'regular'}
          onChange={(event) => set('effort', event.currentTarget.value === 'regular' ? '' : event.currentTarget.value)}
          data={[
            { value: 'fast', label: 'Fast' },
            { value: 'regular', label: 'Regular' },
            { value: 'best', label: 'Best' },
          ]}
        />
        {data.modality === 'table' && columns.length > 2 && (
          <MultiSelect
            label="Columns to judge by"
            description="None chosen: all but label, id and split"
            data={columns.filter((column) => column !== data.roles.label && !column.includes(','))}
            value={(options.features ?? '').split(',').filter(Boolean)}
            onChange={(values) => set('features', values.join(','))}
            searchable
            clearable
            limit={100}
          />
        )}
      </Group>
    </>
  )
}

/** Whether there are labels, what was read, the first rows. */
export function Reading({ data, options, set, error, busy }: Chosen & { error: unknown; busy: boolean }) {
  const columns = data.columns.map((column) => column.name!)
  const shown = Object.keys(data.rows[0] ?? {}).slice(0, 12)
  return (
    <>
      {data.n_classes === 0 && !error && (!options.label || options.label === 'none') && (
        <Alert
          p="xs"
          role="status"
          title="No labels"
          styles={{ root: { background: 'var(--warn-soft)' }, title: { color: 'var(--warn)' } }}
        >
          {data.guesses.length > 0
            ? 'Wrong labels are not looked for unless you say which column holds them:'
            : columns.length > 0
              ? 'No column looks like labels, so wrong labels will not be looked for.'
              : 'Without class folders wrong labels will not be looked for.'}
          {data.guesses.length > 0 && (
            <Group gap={6} mt={6}>
              {data.guesses.map((one) => (
                <Button
                  key={one.column}
                  size="compact-sm"
                  variant="default"
                  maw="100%"
                  title={one.classes.map(labelText).join(', ')}
                  onClick={() => set('label', one.column)}
                >
                  {one.column} ({counted(one.n_classes, 'class', 'classes')}:{' '}
                  {one.classes
                    .slice(0, 3)
                    .map((label) => shortened(labelText(label), 20))
                    .join(', ')}
                  {one.n_classes > 3 ? ' …' : ''})
                </Button>
              ))}
            </Group>
          )}
        </Alert>
      )}
      {error && (
        <Alert color="red" role="alert" title="This choice cannot be read">
          {message(error)}
        </Alert>
      )}
      <Text size="sm" lineClamp={2}>
        <b>{count(data.n_rows)} rows</b>
        {data.n_classes > 0 ? (
          <>
            , {counted(data.n_classes, 'class', 'classes')}: {data.classes.slice(0, 12).map(labelText).join(', ')}
            {data.n_classes > 12 ? ' …' : ''}
          </>
        ) : (
          ', no labels: outliers, duplicates and broken rows will be found'
        )}
      </Text>
      {data.notes.length > 0 && (
        <ul className="findings">
          {data.notes.map((note) => (
            <li key={note}>{withoutOptions(note)}</li>
          ))}
        </ul>
      )}
      {shown.length > 0 && (
        <div className="source-rows" data-busy={busy || undefined}>
          <Scroll height={170} label="The first rows">
            <Table stickyHeader verticalSpacing={3} fz="xs">
              <Table.Thead>
                <Table.Tr>
                  {shown.map((column) => (
                    <Table.Th key={column}>{column}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.rows.map((row, at) => (
                  <Table.Tr key={at}>
                    {shown.map((column) => (
                      <Table.Td key={column} className="source-cell">
                        {row[column] === null || row[column] === undefined ? (
                          <i className="blank">blank</i>
                        ) : (
                          String(row[column] as string | number)
                        )}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        </div>
      )}
    </>
  )
}
