// SPDX-License-Identifier: Apache-2.0
// Everything that is stored of one span, asked for when it is chosen; or of one log line.
import { clock, duration, nanos, oneLine, timeOfNanos, valueText } from '../logic/text';
import { durationOf, isFailed, kindName, nameOf, serviceOf, startOf, type Trace } from '../logic/trace';
import { around } from '../logic/walk';
import { href } from '../state/address';
import { type Answered, useGet } from '../state/server';
import { Attributes } from './attributes';
import { Copy } from './copy';
import { Foreign } from './foreign';
import { ServiceName } from './service_name';
import { Shown } from './states';

export type LogRecord = Answered<'/api/clew/logs'>['logs'][number];
type Span = Answered<'/api/clew/traces/{id}/spans/{span}'>;

function Events({ span }: { span: Span }) {
  if (span.events.length === 0) return null;
  return (
    <>
      <h3>
        Events <small>{span.events.length}</small>
      </h3>
      <ul class="plain">
        {span.events.slice(0, 100).map((event) => (
          <li key={event.time + event.name}>
            <b>{oneLine(event.name, 120)}</b> <span class="muted">{clock(event.time)}</span>
            <Attributes title="Attributes" values={event.attributes} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Links({ span }: { span: Span }) {
  if (span.links.length === 0) return null;
  return (
    <>
      <h3>
        Links <small>{span.links.length}</small>
      </h3>
      <ul class="plain">
        {span.links.slice(0, 100).map((link) => (
          <li key={link.trace_id + link.span_id}>
            <a href={href(`/ui/traces/${link.trace_id}`, { span: link.span_id })}>
              <code>{link.trace_id}</code>
            </a>
            <Attributes title="Attributes" values={link.attributes} />
          </li>
        ))}
      </ul>
    </>
  );
}

function OneSpan({ trace, place }: { trace: Trace; place: number }) {
  const { outline } = trace;
  const id = outline.span_id[place] ?? '';
  const start = timeOfNanos(nanos(outline.start) + BigInt(startOf(trace, place)));
  const answer = useGet('/api/clew/traces/{id}/spans/{span}', { id: outline.trace_id, span: id, start });
  const service = serviceOf(trace, place);
  const milliseconds = durationOf(trace, place) / 1e6;
  const span = around(Date.parse(start), milliseconds);
  return (
    <>
      <h2>
        <bdi>{oneLine(nameOf(trace, place), 200)}</bdi>
      </h2>
      <p>
        <ServiceName service={service} params={span} /> · {duration(milliseconds)} ·{' '}
        {kindName(trace, place) || 'kind not told'} ·{' '}
        {isFailed(trace, place) ? <span class="bad">▲ failed</span> : 'not failed'}
        {trace.critical[place] ? ' · ◆ on the critical path' : ''}
      </p>
      <p class="actions">
        <a class="button" href={href('/ui/service', { name: service, ...span })}>
          Service at that time
        </a>
        <a
          class="button"
          href={href('/ui/traces', { service, operation: nameOf(trace, place), order: 'slowest', ...span })}
        >
          Similar traces
        </a>
        <a class="button" href={href('/ui/logs', { service, ...span })}>
          Logs around it
        </a>
      </p>
      <Shown answer={answer}>
        {(data) =>
          data.span_id === id && (
            <>
              {data.status_message && (
                <p class="bad message">
                  <Foreign text={data.status_message} />
                </p>
              )}
              <Events span={data} />
              <Attributes title="Attributes" values={data.attributes} search="/ui/traces" />
              <Attributes title="Resource" values={data.resource} />
              <Links span={data} />
              <p class="muted">
                Span <code>{id}</code>
                <Copy text={id} what="span id" /> started {clock(start)}
                {data.scope && `, recorded by ${oneLine(data.scope, 80)}`}
              </p>
            </>
          )
        }
      </Shown>
    </>
  );
}

export function LogDetail({ log, inTrace }: { log: LogRecord; inTrace?: boolean }) {
  const text = valueText(log.body);
  return (
    <div class="log-detail">
      <p class="body">
        <Foreign text={text} />
        <Copy text={text} what="line" />
      </p>
      <p class="actions">
        {log.trace_id && !inTrace && (
          <a
            class="button primary"
            href={href(`/ui/traces/${log.trace_id}`, { span: log.span_id, service: undefined })}
          >
            Its trace
          </a>
        )}
        <a class="button" href={href('/ui/service', { name: log.service, ...around(Date.parse(log.time), 0) })}>
          Service at that time
        </a>
        <a class="button" href={href('/ui/logs', { service: log.service, ...around(Date.parse(log.time), 0) })}>
          Lines around it
        </a>
      </p>
      <Attributes title="Attributes" values={log.attributes} search="/ui/logs" />
      <Attributes title="Resource" values={log.resource} />
      {log.scope && <p class="muted">Logger {oneLine(log.scope, 80)}</p>}
    </div>
  );
}

interface Props {
  trace: Trace;
  span: number;
  log: LogRecord | undefined;
  onClose: () => void;
}

export function SpanDetail({ trace, span, log, onClose }: Props) {
  return (
    <aside class="panel detail" aria-label={log ? 'The chosen log line' : 'The chosen span'}>
      <button type="button" class="close" aria-label="Close" onClick={onClose}>
        ×
      </button>
      {log && (
        <>
          <h2>
            <span class={`level ${log.level}`}>{log.level}</span> line of{' '}
            <ServiceName service={log.service} params={around(Date.parse(log.time), 0)} />
          </h2>
          <p class="muted">{clock(log.time)}</p>
          <LogDetail log={log} inTrace />
        </>
      )}
      {!log && span >= 0 && <OneSpan key={span} trace={trace} place={span} />}
    </aside>
  );
}
