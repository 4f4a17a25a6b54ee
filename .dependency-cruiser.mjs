/** DESIGN's import rules. A room may reach only downwards. */
const room = (name) => `^src-main/${name}/`
const forbid = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    forbid('no-circular', {}, { circular: true }, 'A circle has no top to start reading from.'),
    forbid(
      'shared-is-the-bottom',
      { path: '^src-shared/' },
      { path: '^src-(main|renderer)/' },
      'Both sides speak src-shared; it knows neither.',
    ),
    forbid(
      'renderer-only-shared',
      { path: '^src-renderer/' },
      { path: '^src-main/' },
      'The renderer talks through the contract.',
    ),
    forbid(
      'main-never-renderer',
      { path: '^src-main/' },
      { path: '^src-renderer/' },
      'The main process knows no view.',
    ),
    forbid(
      'workbench-below-shell',
      { path: room('(workbench|store|compute|report|artifacts|formats|metrics)') },
      { path: room('shell') },
      'Only shells know shells.',
    ),
    forbid(
      'rooms-below-workbench',
      { path: room('(store|compute|report|artifacts|formats|metrics)') },
      { path: room('workbench') },
      'Use cases are on top.',
    ),
    forbid(
      'store-alone',
      { path: room('store') },
      { path: room('(compute|report)') },
      'store, compute and report never import each other.',
    ),
    forbid(
      'compute-alone',
      { path: room('compute') },
      { path: room('(store|report)') },
      'store, compute and report never import each other.',
    ),
    forbid(
      'report-alone',
      { path: room('report') },
      { path: room('(store|compute)') },
      'store, compute and report never import each other.',
    ),
    forbid(
      'ground-floor',
      { path: room('(artifacts|formats|metrics)') },
      { path: room('(store|compute|report)') },
      'artifacts, formats and metrics serve the rooms above.',
    ),
    forbid(
      'metrics-are-pure',
      { path: room('metrics') },
      { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional'] },
      'Metrics: no I/O, no tensors.',
    ),
    forbid(
      'electron-only-in-its-shell',
      { path: '^src-', pathNot: '^src-main/shell/electron/' },
      { path: '(^|/)node_modules/electron/' },
      'Only the Electron shell knows Electron.',
    ),
    forbid(
      'tensors-only-in-workers',
      { path: '^src-', pathNot: '^src-main/compute/worker/' },
      { path: 'node_modules/@tensorflow/' },
      'Tensors live in workers.',
    ),
    forbid(
      'sqlite-only-in-store',
      { path: '^src-', pathNot: room('store') },
      { path: 'node_modules/better-sqlite3/' },
      'One room owns the database.',
    ),
    forbid(
      'no-node-in-renderer',
      { path: '^src-(renderer|shared)/' },
      { dependencyTypes: ['core'] },
      'The renderer has no Node.',
    ),
    forbid(
      'methods-see-their-context',
      { path: '^src-main/compute/worker/baselines/' },
      {
        path: [room('artifacts'), room('formats'), '^src-main/compute/worker/[^/]+\\.ts$', 'training-stages\\.ts$'],
      },
      'A method has what its context gives it: no store, no files, and so no gold.',
    ),
    forbid(
      'methods-read-no-files',
      { path: '^src-main/compute/worker/baselines/' },
      { dependencyTypes: ['core'] },
      'A method has what its context gives it: no store, no files, and so no gold.',
    ),
    forbid(
      'resolvable',
      { path: '^src-' },
      { couldNotResolve: true, pathNot: '^virtual:' },
      'Every import must exist.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(out|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.vue', '.mjs', '.js', '.json'],
    },
  },
}
