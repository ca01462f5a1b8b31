import type { Job } from '../api/types'
export function JobProgress(_: { id: string; job: Job; name: string }) {
  return null
}
