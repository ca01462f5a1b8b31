export function ExportDialog(_: { close: () => void }) {
  return null
}
