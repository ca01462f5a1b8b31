/** The map on a page of its own, under the same filter as the rows. */
import { MapOfFilter } from '../map/MapOfFilter'
import { FilterBar } from './FilterBar'

export default function MapPage() {
  return (
    <main className="page map-page">
      <div className="page-filter">
        <FilterBar />
      </div>
      <MapOfFilter />
    </main>
  )
}
