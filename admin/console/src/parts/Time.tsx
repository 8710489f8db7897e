import { useEffect, useState } from "react";
import { serverNow } from "../api/clock";
import { distance, formatDue, formatTime } from "../format";
import { useSpeech } from "../language";

/** An instant, in Asia/Shanghai. */
export function Time({ at }: { at: string }) {
  const { language } = useSpeech();
  return <time dateTime={at}>{formatTime(at, language)}</time>;
}

/** A due instant and how far it is. `settled`: the distance no longer matters. */
export function Due({ at, settled = false }: { at: string; settled?: boolean }) {
  const { language, texts } = useSpeech();
  const now = useNow();
  const away = distance(at, now, texts);
  const tone = away.late ? "late" : away.minutes < 24 * 60 ? "soon" : "calm";
  return (
    <span className="due">
      <time dateTime={at}>{formatDue(at, language, texts)}</time>
      {!settled && <span className={`away away-${tone}`}>{away.text}</span>}
    </span>
  );
}

/** The present by the server's clock, refreshed each minute while the page is open. */
function useNow(): Date {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 60_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
