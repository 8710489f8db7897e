import type { State } from "../api/types";

/** Where a case stands: one mark for each active state, under the name of its track where it has one. */
export function States({ states }: { states: State[] }) {
  return (
    <ul className="states">
      {states.map((state) => (
        <li key={state.id}>
          {state.track && <span className="state-track">{state.track}</span>}
          <span className="state">{state.title}</span>
        </li>
      ))}
    </ul>
  );
}
