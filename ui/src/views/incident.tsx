// SPDX-License-Identifier: Apache-2.0
// One incident that the server noticed and keeps.
import { episodeOfIncident, type Incident } from '../logic/episode';
import { oneLine, recent } from '../logic/text';
import { DiagnosisView } from '../parts/diagnosis';
import { EpisodeBanner } from '../parts/episode_banner';
import { Failed, Shown } from '../parts/states';
import { href } from '../state/address';
import { ServerError, useGet } from '../state/server';

const REFRESH = 30_000;

function Times({ incident }: { incident: Incident }) {
  return (
    <>
      Noticed {recent(incident.opened)}
      {incident.closed && `, closed ${recent(incident.closed)} once it had stayed away`}. Incident{' '}
      <code>{oneLine(incident.id, 40)}</code>
    </>
  );
}

export function IncidentView({ id }: { id: string }) {
  const asked = useGet('/api/clew/incidents/{id}', { id }, { every: REFRESH });
  if (asked.error instanceof ServerError && asked.error.status === 404) {
    return (
      <Failed
        error={
          new Error(
            'No incident has this id. It may be another tenant’s, or its data is gone. The overview lists those of the last day.',
          )
        }
      />
    );
  }
  return (
    <>
      <h1 class="unseen">Incident</h1>
      <Shown answer={asked}>
        {(incident) => (
          <>
            <EpisodeBanner
              episode={episodeOfIncident(incident, Date.now())}
              link={location.href}
              label="The incident"
              note={<Times incident={incident} />}
            >
              {incident.answer && (
                <a
                  class="button"
                  href={href('/ui/why', { at: incident.answer.from, until: incident.answer.to })}
                  title="Asks the question anew over what is stored now"
                >
                  Ask again
                </a>
              )}
            </EpisodeBanner>
            {incident.answer ? (
              <DiagnosisView found={incident.answer} />
            ) : (
              <p class="state muted">Of this incident its sentence is all that is kept.</p>
            )}
          </>
        )}
      </Shown>
    </>
  );
}
