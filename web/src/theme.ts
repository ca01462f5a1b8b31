/** Colours that pass AA on both schemes: Mantine's own dimmed text and shade 6 do not. */
import { createTheme, type CSSVariablesResolver } from '@mantine/core'

const plainList = {
  withScrollArea: false,
  attributes: { options: { tabIndex: 0 } },
  styles: { options: { maxHeight: 240, overflowY: 'auto' } },
}

export const theme = createTheme({
  primaryColor: 'indigo',
  colors: {
    dark: [
      '#e9ecef',
      '#b4bac2',
      '#9aa1a9',
      '#747b83',
      '#3f464e',
      '#31373e',
      '#24282e',
      '#1a1d21',
      '#16191c',
      '#111315',
    ],
  },
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  headings: { fontWeight: '650' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: { closeButtonProps: { 'aria-label': 'Close' } },
      styles: { title: { fontSize: 16, fontWeight: 650 } },
    },
    // what scrolls must be reachable by keyboard: the lists' own scroll areas are not
    Select: { defaultProps: plainList },
    MultiSelect: { defaultProps: plainList },
    Autocomplete: { defaultProps: plainList },
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
  },
})

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#4d545c',
    '--mantine-color-placeholder': '#5f666d',
    '--mantine-color-error': '#c2255c',
    '--mantine-color-indigo-light-color': '#364fc7',
    '--mantine-color-indigo-light-hover': '#d3ddff',
    '--page': '#f4f5f7',
    '--panel': '#ffffff',
    '--line': '#d9dde2',
    '--soft': '#eef0f3',
    '--ink': '#1c2126',
    '--accent': '#364fc7',
    '--accent-soft': '#e3e8fd',
    '--good': '#1f6b33',
    '--good-soft': '#ddf3e3',
    '--bad': '#b02525',
    '--bad-soft': '#fde4e4',
    '--warn': '#8a4b00',
    '--warn-soft': '#fff0d9',
    '--bar': '#5c7cfa',
    '--bar-2': '#e8590c',
  },
  dark: {
    '--mantine-color-dimmed': '#b4bac2',
    '--mantine-color-placeholder': '#9aa1a9',
    '--mantine-color-error': '#ff8fa3',
    '--mantine-color-body': '#1a1d21',
    '--page': '#131518',
    '--panel': '#1c1f24',
    '--line': '#343a41',
    '--soft': '#272b31',
    '--ink': '#e9ecef',
    '--accent': '#a5b8ff',
    '--accent-soft': '#2b3358',
    '--good': '#8ce3a3',
    '--good-soft': '#1c3a26',
    '--bad': '#ffa3a3',
    '--bad-soft': '#4a2022',
    '--warn': '#ffc97d',
    '--warn-soft': '#45300f',
    '--bar': '#6f8bff',
    '--bar-2': '#ff922b',
  },
})
