// SPDX-License-Identifier: Apache-2.0
// Filters are parts of the address: what is typed goes there on Enter or when the field is left.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { change, rangeOf, useAddress } from '../state/address';
import { useGet } from '../state/server';

interface FieldProps {
  name: string;
  label: string;
  placeholder?: string;
  list?: string;
  size?: 'short' | 'wide';
}

export function Field({ name, label, placeholder, list, size }: FieldProps) {
  const value = useAddress().params.get(name) ?? '';
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.value = value;
  }, [value]);
  const take = (text: string) => text !== value && change({ [name]: text || undefined });
  return (
    <label class={`field ${size ?? ''}`}>
      <span>{label}</span>
      <input
        ref={input}
        type="search"
        name={name}
        list={list}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        onChange={(event) => take(event.currentTarget.value.trim())}
        onKeyDown={(event) => event.key === 'Enter' && take(event.currentTarget.value.trim())}
      />
    </label>
  );
}

/** Texts that a field offers. */
export function Offered({ id, texts }: { id: string; texts: string[] | undefined }) {
  return (
    <datalist id={id}>
      {texts?.map((text) => (
        <option key={text} value={text} />
      ))}
    </datalist>
  );
}

export function ServiceField({ label = 'Service' }: { label?: string }) {
  const services = useGet('/api/clew/services', rangeOf(useAddress().params));
  return (
    <>
      <Field name="service" label={label} list="services" />
      <Offered id="services" texts={services.data?.services.map((one) => one.service)} />
    </>
  );
}

export function Choice({ name, label, options }: { name: string; label: string; options: [string, string][] }) {
  const value = useAddress().params.get(name) ?? '';
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        name={name}
        onChange={(event) => change({ [name]: event.currentTarget.value || undefined })}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const NARROW = matchMedia('(max-width: 640px)');

function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const look = () => setNarrow(NARROW.matches);
    NARROW.addEventListener('change', look);
    return () => NARROW.removeEventListener('change', look);
  }, []);
  return isNarrow;
}

interface FiltersProps {
  names: readonly string[];
  children: ComponentChildren;
}

/** The fields of a view. On a telephone they are folded unless one of them is set. */
export function Filters({ names, children }: FiltersProps) {
  const { params } = useAddress();
  const set = names.filter((name) => params.get(name)).length;
  if (!useNarrow()) return <search class="panel filters">{children}</search>;
  return (
    <search class="panel">
      <details open={set > 0}>
        <summary>
          Filters <small>{set > 0 ? `${set} set` : 'none set'}</small>
        </summary>
        <div class="filters">{children}</div>
      </details>
    </search>
  );
}

export function Switch({ name, children }: { name: string; children: ComponentChildren }) {
  const isOn = useAddress().params.get(name) === 'true';
  return (
    <label class="switch">
      <input
        type="checkbox"
        name={name}
        checked={isOn}
        onChange={() => change({ [name]: isOn ? undefined : 'true' })}
      />
      {children}
    </label>
  );
}
