// SPDX-License-Identifier: Apache-2.0
import { valueText, visible } from '../logic/text';
import { href } from '../state/address';
import { Copy } from './copy';
import { Foreign } from './foreign';

interface Props {
  title: string;
  values: Record<string, unknown>;
  /** Where a value can be searched for. */
  search?: '/ui/traces' | '/ui/logs';
}

export function Attributes({ title, values, search }: Props) {
  const rows = Object.entries(values);
  if (rows.length === 0) return null;
  return (
    <details open={rows.length < 40}>
      <summary>
        {title} <small>{rows.length}</small>
      </summary>
      <dl class="attributes">
        {rows.map(([key, value]) => {
          const text = valueText(value);
          return (
            <div key={key}>
              <dt>
                <bdi>{visible(key.slice(0, 200))}</bdi>
              </dt>
              <dd>
                <Foreign text={text} />
                <Copy text={text} what={key.slice(0, 100)} />
                {search && text.length < 200 && (
                  <a
                    class="more"
                    href={href(search, { attribute: `${key}=${text}`, span: undefined })}
                    title="Search for this value"
                  >
                    search
                  </a>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </details>
  );
}
