/** Find a class, or type a new one. */
import { Combobox, Text, TextInput, useCombobox } from '@mantine/core'
import { useEffect, useState, type Ref } from 'react'
import type { Label } from '../api/types'
import { useOpened } from '../shell/context'
import { count, labelPlain, labelText } from '../words'

export function ClassPicker({
  pick,
  input,
  label = 'Find a class or type a new one',
}: {
  pick: (label: Label) => void
  input?: Ref<HTMLInputElement>
  label?: string
}) {
  const { project } = useOpened()
  const [text, setText] = useState('')
  const box = useCombobox({ opened: true })
  const needle = text.trim().toLowerCase()
  const found = project.classes.filter((entry) => labelPlain(entry.value).toLowerCase().includes(needle)).slice(0, 60)
  const exact = project.classes.some((entry) => labelPlain(entry.value) === text.trim())
  const { selectFirstOption, resetSelectedOption } = box
  useEffect(() => {
    if (text) selectFirstOption()
    else resetSelectedOption()
  }, [text, selectFirstOption, resetSelectedOption])
  const submit = (value: string) => {
    setText('')
    pick(
      value === 'new'
        ? typed(
            text.trim(),
            project.classes.map((entry) => entry.value),
          )
        : found[Number(value)]!.value,
    )
  }
  return (
    <Combobox store={box} onOptionSubmit={submit}>
      <Combobox.EventsTarget>
        <TextInput
          ref={input}
          size="xs"
          aria-label={label}
          placeholder={label}
          value={text}
          data-autofocus
          onChange={(event) => setText(event.currentTarget.value)}
        />
      </Combobox.EventsTarget>
      <Combobox.Options mah={200} style={{ overflowY: 'auto' }} mt={6} tabIndex={0} aria-label="Classes">
        {found.map((entry, at) => (
          <Combobox.Option key={at} value={String(at)} className="class-option">
            <span>{labelText(entry.value)}</span>
            <Text span size="xs" c="dimmed">
              {count(entry.count)}
            </Text>
          </Combobox.Option>
        ))}
        {needle && !exact && <Combobox.Option value="new">New class “{text.trim()}”</Combobox.Option>}
        {!needle && found.length === 0 && <Combobox.Empty>No class yet: type the first one</Combobox.Empty>}
      </Combobox.Options>
    </Combobox>
  )
}

/** A typed name of a numeric class set becomes a number, so that 7 does not turn into "7". */
function typed(text: string, others: Label[]): Label {
  const numeric = others.length > 0 && others.every((label) => typeof label === 'number')
  return numeric && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
