// SPDX-License-Identifier: Apache-2.0
import { lazy, Suspense } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import logo from './clew.svg';
import { type Bounds, boundsOf, moved, resized } from './logic/range';
import { oneLine } from './logic/text';
import { Copy } from './parts/copy';
import { RangePicker } from './parts/range_picker';
import { Failed, Loading } from './parts/states';
import { type Address, address, change, href, rangeOf, setRange, useAddress, visit } from './state/address';
import { type Key, knownKeys, useKeys } from './state/keys';
import { client } from './state/server';
import { IncidentView } from './views/incident';
import { Logs } from './views/logs';
import { Overview } from './views/overview';
import { Service } from './views/service';
import { TraceView } from './views/trace';
import { Traces } from './views/traces';
import { Why } from './views/why';

// Layout of graphs is the largest library and needed here only.
const ServiceMap = lazy(() => import('./views/map').then((module) => module.ServiceMap));

const TABS = [
  ['/', 'Overview', 'o'],
  ['/ui/map', 'Map', 'm'],
  ['/ui/traces', 'Traces', 't'],
  ['/ui/logs', 'Logs', 'l'],
  ['/ui/why', 'Why', 'w'],
] as const;

function View({ path, params }: Address) {
  const [, views, id] = /^\/ui\/(traces|incidents)\/([^/]+)$/.exec(path) ?? [];
  if (id && views === 'traces') return <TraceView key={id} id={decodeURIComponent(id)} />;
  if (id) return <IncidentView key={id} id={decodeURIComponent(id)} />;
  switch (path.replace(/\/$/, '')) {
    case '':
    case '/ui':
    case '/ui/incidents':
      return <Overview />;
    case '/ui/map':
      return (
        <Suspense fallback={<Loading />}>
          <ServiceMap />
        </Suspense>
      );
    case '/ui/traces':
      return <Traces />;
    case '/ui/logs':
      return <Logs />;
    case '/ui/why':
      return <Why />;
    case '/ui/service':
      return <Service key={params.get('name')} />;
    default:
      return (
        <Failed
          error={new Error(`The page has no view at ${oneLine(path, 100)}. The tabs above lead to all of them.`)}
        />
      );
  }
}

function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [keys, setKeys] = useState<Key[]>([]);
  useEffect(() => {
    setKeys(knownKeys());
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {keys.map((key) => (
          <div key={key.keys}>
            <dt>
              {key.keys.split(' ').map((one) => (
                <kbd key={one}>{one.replace('Arrow', '')}</kbd>
              ))}
            </dt>
            <dd>{key.does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

/** Whether an answer is awaited, for screen readers. */
function useBusy(): boolean {
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const look = () => setBusy(client.isFetching() > 0);
    look();
    return client.getQueryCache().subscribe(look);
  }, []);
  return busy;
}

/** Another range made of the present one, if that one is understood. */
function withRange(make: (bounds: Bounds, now: number) => Bounds) {
  const now = Date.now();
  const bounds = boundsOf(rangeOf(address().params), now);
  if (!bounds) return;
  const { from, to } = make(bounds, now);
  setRange(from, to);
}

const RANGE_KEYS: Key[] = [
  { keys: 't', does: 'Choose the time range', run: () => document.getElementById('range')?.focus() },
  { keys: '[', does: 'Earlier', run: () => withRange((bounds, now) => moved(bounds, -1, now)) },
  { keys: ']', does: 'Later', run: () => withRange((bounds, now) => moved(bounds, 1, now)) },
  { keys: '+', does: 'Half of the time range', run: () => withRange((bounds, now) => resized(bounds, 0.5, now)) },
  { keys: '-', does: 'Twice the time range', run: () => withRange((bounds, now) => resized(bounds, 2, now)) },
];

export function App() {
  const { path, params } = useAddress();
  const isHelp = params.get('help') === 'keys';
  const tenant = params.get('tenant');
  const busy = useBusy();
  const keys = useMemo<Key[]>(
    () => [
      ...TABS.map(([target, label, letter]) => ({ keys: `g ${letter}`, does: label, run: () => visit(href(target)) })),
      {
        keys: '/',
        does: 'Search',
        run: () => document.querySelector<HTMLInputElement>('main input[type=search]')?.focus(),
      },
      ...RANGE_KEYS,
      { keys: 'r', does: 'Ask the server again', run: () => void client.invalidateQueries() },
      { keys: 'Backspace', does: 'Go back', run: () => history.back() },
      { keys: '?', does: 'Show these keys', run: () => change({ help: 'keys' }, true) },
    ],
    [],
  );
  useKeys(keys);
  const isIncident = path.startsWith('/ui/incidents/');
  const current = isIncident
    ? '/ui/why'
    : TABS.findLast(([target]) => (target === '/' ? path === '/' : path.startsWith(target)))?.[0];
  useEffect(() => {
    const label = TABS.find(([target]) => target === current)?.[1] ?? 'Service';
    document.title = `${isIncident ? 'Incident' : label} · Clew`;
  }, [current, isIncident]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the view
      </a>
      <header class="top">
        <a class="brand" href={href('/')}>
          <img src={logo} alt="" width="26" height="26" />
          Clew
        </a>
        <nav aria-label="Views">
          {TABS.map(([target, label]) => (
            <a key={target} href={href(target)} aria-current={current === target ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <div class="tools">
          {tenant && (
            <span class="tenant" title="Tenant">
              {oneLine(tenant, 40)}
            </span>
          )}
          <RangePicker />
          <Copy text={location.href} what="the address of this view" />
          <button
            type="button"
            title="Ask the server again (r)"
            aria-label="Ask the server again"
            onClick={() => void client.invalidateQueries()}
          >
            ↻
          </button>
          <button type="button" title="Keys (?)" aria-label="Keys" onClick={() => change({ help: 'keys' }, true)}>
            ?
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1} aria-busy={busy}>
        <View path={path} params={params} />
      </main>
      {isHelp && <Help onClose={() => change({ help: undefined }, true)} />}
    </>
  );
}
