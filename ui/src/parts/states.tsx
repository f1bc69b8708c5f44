// SPDX-License-Identifier: Apache-2.0
// What a view shows when there is nothing, nothing yet, or a failure.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { change, useAddress } from '../state/address';
import { type Answer, useGet } from '../state/server';
import { Copy } from './copy';

/** Says that it loads once that takes over 300 ms. */
export function Loading() {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="state" role="status">
      {late && <span class="spinner">Loading…</span>}
    </p>
  );
}

export function Failed({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div class="state failed" role="alert">
      <p>{error.message}</p>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

interface ShownProps<T> {
  answer: Answer<T>;
  children: (data: T) => ComponentChildren;
}

/** The answer once it is there; a failure or the wait for it until then. */
export function Shown<T>({ answer, children }: ShownProps<T>) {
  if (answer.error) return <Failed error={answer.error} again={answer.again} />;
  if (!answer.data) return <Loading />;
  return <>{children(answer.data)}</>;
}

export function Command({ line }: { line: string }) {
  return (
    <div class="command">
      <code>{line}</code>
      <Copy text={line} what="command" />
    </div>
  );
}

/** Nothing has come in at all: the exact lines that change that. */
export function NothingYet({ what }: { what: string }) {
  const about = useGet('/api/clew/about', {});
  const otlp = about.data?.addresses.find((one) => one.name === 'otlp-http')?.address ?? '127.0.0.1:4318';
  return (
    <section class="nothing">
      <h2>No {what} in this time range</h2>
      <p>Start a Python service under Clew; its code stays as it is:</p>
      <Command line={`clew run --endpoint http://${otlp} -- gunicorn shop:app`} />
      <p>Or see it all with a shop that has one fault:</p>
      <Command line="clew demo" />
      <p class="muted">
        Anything that speaks OpenTelemetry can send to <code>http://{otlp}</code> too. If data is older, choose a longer
        time range above.
      </p>
    </section>
  );
}

/** No row: because of the filters of that name in the address, or because there is nothing. */
export function NoRows({ what, filters }: { what: string; filters: readonly string[] }) {
  const { params } = useAddress();
  if (!filters.some((name) => params.get(name))) return <NothingYet what={what} />;
  return (
    <div class="state muted">
      <p>No {what} match. Take a filter away, or choose a longer time range.</p>
      <button type="button" onClick={() => change(Object.fromEntries(filters.map((name) => [name, undefined])))}>
        Clear the filters
      </button>
    </div>
  );
}
