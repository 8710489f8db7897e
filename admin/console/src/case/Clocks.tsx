import type { Deadline } from "../api/types";
import { useTexts } from "../language";
import { Facts } from "../parts/Facts";
import { Due, Time } from "../parts/Time";
import { wordFor } from "../texts";

/** States in which the time that is left no longer matters. */
const SETTLED = new Set(["met", "cancelled"]);

/** The legal clocks of a case: until when, who, how it was counted, by which article. */
export function Clocks({ deadlines }: { deadlines: Deadline[] }) {
  const texts = useTexts();
  if (deadlines.length === 0) return <p className="quiet">{texts.noClocks}</p>;
  const running = deadlines.filter(({ state }) => !SETTLED.has(state));
  const settled = deadlines.filter(({ state }) => SETTLED.has(state));
  return (
    <ul className="clocks">
      {[...running, ...settled].map((deadline) => (
        <li key={deadline.id} className={`clock clock-${deadline.state}`}>
          <h3>
            {deadline.title}
            <span className="tag">{wordFor(texts.clockStates, deadline.state)}</span>
          </h3>
          <p className="clock-due">
            <Due at={deadline.dueAt} settled={SETTLED.has(deadline.state)} />
          </p>
          <details open={!SETTLED.has(deadline.state)}>
            <summary>{texts.whyThen}</summary>
            <Facts
              facts={[
                [texts.clockOn, deadline.organ?.name ?? ""],
                [texts.article, deadline.article],
                [texts.howCounted, deadline.explanation],
                [texts.startedAt, <Time key="started" at={deadline.startedAt} />],
                [texts.metAt, deadline.metAt && <Time at={deadline.metAt} />],
              ]}
            />
          </details>
        </li>
      ))}
    </ul>
  );
}
