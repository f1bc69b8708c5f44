// SPDX-License-Identifier: Apache-2.0
// Asks why for any time: what was wrong then.
import { episodeOf } from '../logic/episode';
import { moment, oneLine, timeOfDay } from '../logic/text';
import { DiagnosisView } from '../parts/diagnosis';
import { EpisodeBanner } from '../parts/episode_banner';
import { Field, Filters, ServiceField } from '../parts/field';
import { Shown } from '../parts/states';
import { href, useAddress } from '../state/address';
import { useGet } from '../state/server';

export function Why() {
  const { params } = useAddress();
  const at = params.get('at');
  const until = params.get('until');
  const service = params.get('service');
  // Without times the server searches the last half hour.
  const why = useGet('/api/clew/why', {
    ...(at ? { from: at } : {}),
    ...(until ? { to: until } : {}),
    ...(service ? { service } : {}),
  });
  return (
    <>
      <h1 class="unseen">Why</h1>
      <Filters names={['at', 'until', 'service']}>
        <Field name="at" label="It began about" placeholder="-2h, 2026-01-31T12:00:00Z" size="wide" />
        <Field name="until" label="and ended" placeholder="now, -1h" size="wide" />
        <ServiceField label="Of requests through" />
      </Filters>
      <Shown answer={why}>
        {(found) =>
          found.incident ? (
            <>
              <EpisodeBanner episode={episodeOf(found, Date.now())} link={location.href} label="What was wrong" />
              <DiagnosisView found={found} />
            </>
          ) : (
            <section class="now calm">
              <div>
                <p>{oneLine(found.summary, 500)}</p>
                <p class="muted">
                  Searched {moment(found.from)} – {timeOfDay(found.to)}. For another time say above when it began, or{' '}
                  <a href={href('/ui/traces', { errors: 'true' })}>look at failed requests</a>.
                </p>
              </div>
            </section>
          )
        }
      </Shown>
    </>
  );
}
