// SPDX-License-Identifier: Apache-2.0

import { hueOf } from '../logic/hue';
import { oneLine } from '../logic/text';
import { href, type Params } from '../state/address';

export function ServiceDot({ service }: { service: string }) {
  return <i class={`dot hue${hueOf(service)}`} aria-hidden="true" />;
}

/** A service with its colour, linked to its view. */
export function ServiceName({ service, params = {} }: { service: string; params?: Params }) {
  return (
    <a class="service" href={href('/ui/service', { name: service, ...params })}>
      <ServiceDot service={service} />
      <bdi>{oneLine(service, 80)}</bdi>
    </a>
  );
}

/** Somebody of the map: a service that can be looked at, or a database, a queue, a place outside. */
export function NodeName({ name, services }: { name: string; services: { has(name: string): boolean } }) {
  return services.has(name) ? <ServiceName service={name} /> : <bdi>{oneLine(name, 80)}</bdi>;
}
