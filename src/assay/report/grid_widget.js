/**
 * Draws the grid that grid_widget.py describes, in any notebook that runs anywidget. In: the model (checks, check, rows, total, offset,
 * at_once, selected). Out: check, offset and selected, set by clicks. What the data says is text and never mark-up.
 */
const made = (tag, className, text) => {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined && text !== null) element.textContent = String(text)
  return element
}

const label = (value) => (value === null ? 'no label' : value === '' ? '(empty)' : String(value))

function card(row, selected, turn) {
  const button = made('button', `assay-row${row.action ? ' assay-decided' : ''}`)
  button.type = 'button'
  button.dataset.row = row.row
  button.setAttribute('aria-pressed', selected)
  button.title = [row.id, row.reason].filter(Boolean).join('\n')
  button.addEventListener('click', turn)
  if (row.picture) {
    const picture = made('img')
    picture.src = row.picture
    picture.alt = ''
    button.append(picture)
  } else if (row.text !== null) {
    button.append(made('span', 'assay-text', row.text || '(empty)'))
  } else if (row.cells.length) {
    const cells = made('span', 'assay-cells')
    for (const [name, value] of row.cells) {
      const cell = made('span', row.marked.includes(name) ? 'assay-odd' : '')
      cell.append(made('b', '', name), ` ${value || 'blank'}`)
      cells.append(cell)
    }
    button.append(cells)
  } else button.append(made('span', 'assay-text', 'no picture'))
  const labels = made('span', 'assay-labels')
  labels.append(made('span', row.corrected !== null || row.excluded ? 'assay-old' : '', label(row.given)))
  const to = row.excluded ? 'left out' : row.corrected !== null ? row.corrected : row.action ? null : row.suggested
  if (to !== null) labels.append(' → ', made('b', '', label(to)))
  button.append(labels, made('span', 'assay-id', row.id), made('span', 'assay-checks', row.checks.join(', ')))
  return button
}

function render({ model, el }) {
  const root = made('div', 'assay-grid')
  const bar = made('div', 'assay-bar')
  const named = made('label', '', 'Show ')
  const choose = made('select')
  named.append(choose)
  const back = made('button', '', 'Back')
  const on = made('button', '', 'Next')
  const all = made('button', '', 'Select these')
  const none = made('button', '', 'Select none')
  for (const button of [back, on, all, none]) button.type = 'button'
  const where = made('span', 'assay-where')
  where.setAttribute('role', 'status')
  bar.append(named, back, on, where, all, none)
  const list = made('div', 'assay-rows')
  list.setAttribute('role', 'group')
  list.setAttribute('aria-label', 'Rows')
  root.append(bar, list)
  el.append(root)

  const set = (name, value) => {
    model.set(name, value)
    model.save_changes()
  }
  const turned = (row) => {
    const now = model.get('selected')
    set('selected', now.includes(row) ? now.filter((one) => one !== row) : [...now, row])
  }
  const drawChecks = () => {
    choose.replaceChildren(
      ...model.get('checks').map((check) => {
        const option = made('option', '', `${check.title} (${check.count.toLocaleString('en')})`)
        option.value = check.name
        return option
      }),
    )
    choose.value = model.get('check')
  }
  const drawRows = () => {
    const selected = new Set(model.get('selected'))
    list.className = `assay-rows assay-${model.get('modality')}`
    list.replaceChildren(...model.get('rows').map((row) => card(row, selected.has(row.row), () => turned(row.row))))
  }
  const drawSelection = () => {
    const selected = new Set(model.get('selected'))
    for (const one of list.children) one.setAttribute('aria-pressed', selected.has(Number(one.dataset.row)))
    drawWhere()
  }
  const drawWhere = () => {
    const [offset, total] = [model.get('offset'), model.get('total')]
    const end = Math.min(total, offset + model.get('at_once'))
    const n = model.get('selected').length
    const rows = total ? `${offset + 1} to ${end} of ${total.toLocaleString('en')}` : 'no rows'
    where.textContent = n ? `${rows}, ${n.toLocaleString('en')} selected` : rows
    back.disabled = offset === 0
    on.disabled = end >= total
    none.disabled = n === 0
    all.disabled = total === 0
  }
  choose.addEventListener('change', () => set('check', choose.value))
  back.addEventListener('click', () => set('offset', Math.max(0, model.get('offset') - model.get('at_once'))))
  on.addEventListener('click', () => set('offset', model.get('offset') + model.get('at_once')))
  all.addEventListener('click', () =>
    set('selected', [...new Set([...model.get('selected'), ...model.get('rows').map((row) => row.row)])]),
  )
  none.addEventListener('click', () => set('selected', []))

  const heard = {
    'change:checks': drawChecks,
    'change:check': () => (choose.value = model.get('check')),
    'change:rows': drawRows,
    'change:selected': drawSelection,
    'change:offset': drawWhere,
    'change:total': drawWhere,
  }
  for (const [news, draw] of Object.entries(heard)) model.on(news, draw)
  drawChecks()
  drawRows()
  drawWhere()
  return () => {
    for (const [news, draw] of Object.entries(heard)) model.off(news, draw)
  }
}

export default { render }
