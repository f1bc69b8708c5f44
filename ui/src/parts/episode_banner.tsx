// SPDX-License-Identifier: Apache-2.0
// What went wrong in one sentence: on the overview, and on top of the view that explains it.
import type { ComponentChildren } from 'preact';
import { type Episode, spanText } from '../logic/episode';
import { Copy } from './copy';
import { Foreign } from './foreign';
import { ServiceName } from './service_name';

interface Props {
  episode: Episode;
  /** What a colleague gets beside the sentence. */
  link: string;
  label?: string;
  note?: ComponentChildren;
  children?: ComponentChildren;
}

export function EpisodeBanner({ episode, link, label, note, children }: Props) {
  const { lasts, kind, service, summary } = episode;
  return (
    <section class={lasts ? 'now incident' : 'now over'} aria-label={label}>
      <div>
        <p class="since">
          <span aria-hidden="true">{lasts ? '▲ ' : '✓ '}</span>
          {lasts ? 'Incident ' : 'Over: '}
          {spanText(episode, Date.now())}
          {service && (
            <>
              {' · '}
              <span class="tag">{kind}</span> in <ServiceName service={service} />
            </>
          )}
        </p>
        <p class="summary">
          <Foreign text={summary} />
        </p>
        {note && <p class="note muted">{note}</p>}
      </div>
      <p class="actions">
        {children}
        <Copy text={`${summary}\n${new URL(link, location.href)}`} what="summary" />
      </p>
    </section>
  );
}
