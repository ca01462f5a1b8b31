/** A modal that is there as long as it is rendered, and gives the focus back to what had it before. */
import { Modal, type ModalProps } from '@mantine/core'
import { useEffect, useState } from 'react'
import { giveBack } from './focus'

export function Dialog(props: Omit<ModalProps, 'opened'>) {
  const [before] = useState(() => document.activeElement)
  useEffect(() => () => giveBack(before), [before])
  return <Modal opened {...props} />
}
