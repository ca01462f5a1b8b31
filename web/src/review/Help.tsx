import { Kbd } from '@mantine/core'
import { Fragment } from 'react'
import { HELP } from './keys'
import { Dialog } from '../shell/Dialog'

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog onClose={close} title="Keys" size="xl" centered>
      <div className="help">
        {HELP.map((part) => (
          <section key={part.title}>
            <h3>{part.title}</h3>
            <dl>
              {part.keys.map(([keys, what]) => (
                <Fragment key={what}>
                  <dt>{keys.map((key) => (key === '…' ? <span key={key}>…</span> : <Kbd key={key}>{key}</Kbd>))}</dt>
                  <dd>{what}</dd>
                </Fragment>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
