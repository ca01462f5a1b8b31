// Who may import whom: no circle anywhere (types included), and rooms only from rooms below them.
const rooms = [
  'api|url',
  'shell',
  'row|actions',
  'resolver|map',
  'review',
  'overview|findings|charts|compare|history|projects|export',
  'app',
]

module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    ...rooms.slice(0, -1).map((room, floor) => ({
      name: `nothing-above-${room.replaceAll('|', '-')}`,
      severity: 'error',
      from: { path: `^src/(${room})/` },
      to: { path: `^src/(${rooms.slice(floor + 1).join('|')})/` },
    })),
    {
      name: 'words-are-pure',
      severity: 'error',
      from: { path: '^src/(words|theme)\\.ts$' },
      to: { path: '^src/(?!api/types)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
}
