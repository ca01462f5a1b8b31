/** A fault of the page itself: said plainly, with a way on, instead of a white screen. */
import { Button } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { Failure } from './Notice'

export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  override render() {
    if (this.state.error === null) return this.props.children
    return (
      <Failure error={this.state.error} retry={() => this.setState({ error: null })}>
        <Button component="a" href="/">
          To the projects
        </Button>
      </Failure>
    )
  }
}
