import { useMemo } from "react";
import { TIMELINE } from "../api/operations";
import type { Connection, TimelineEvent } from "../api/types";
import { useTexts } from "../language";
import { ListFoot } from "../parts/ListFoot";
import { States } from "../parts/States";
import { Time } from "../parts/Time";
import { usePages } from "../parts/usePages";

const pick = ({ case: found }: { case: { timeline: Connection<TimelineEvent> } | null }) => found?.timeline;

/** What happened to a case, in order. */
export function Timeline({ id }: { id: string }) {
  const texts = useTexts();
  const variables = useMemo(() => ({ id }), [id]);
  const pages = usePages(TIMELINE, variables, pick);
  return (
    <>
      <ol className="timeline">
        {pages.items.map((event) => (
          <li key={event.id}>
            <Time at={event.at} />
            <div>
              <p className="event-title">
                {event.title}
                {event.byDeputy && <span className="tag">{texts.byDeputy}</span>}
              </p>
              <p className="quiet">{[event.organ?.name, event.role].filter(Boolean).join(" · ")}</p>
              <States states={event.states} />
              <p className="leaf">
                {texts.leafHash} <code>{event.leafHash}</code>
              </p>
            </div>
          </li>
        ))}
      </ol>
      {!pages.loading && pages.items.length === 0 && !pages.problem && (
        <p className="quiet">{texts.timelineEmpty}</p>
      )}
      <ListFoot pages={pages} />
    </>
  );
}
