export function ProjectsPage(_: { person: string }) {
  return null
}
