/** Who is signed in, as one value that every page can ask; the server decides, this only remembers. */

import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type CombinedError, Provider } from "urql";
import { sessionStanding } from "./api/auth";
import { type Asking, makeClient } from "./api/client";
import {
  chosenDeputyship,
  choserOfDeputyship,
  type Deputyship,
  deputyshipsOf,
  forgetChosen,
  keepChosen,
} from "./api/deputyships";
import { ME } from "./api/operations";
import { isSignedOut, NOT_DEPUTY, type Problem, problemOf } from "./api/problem";
import type { Me, SceneSummary } from "./api/types";
import { forgetDrafts } from "./forms/draft";
import { useSpeech } from "./language";

export interface SignedIn {
  /** At the post at which they act: `acting`'s where they do so in another's place. */
  me: Me;
  scenes: SceneSummary[];
  deputyships: Deputyship[];
  acting: Deputyship | null;
}

export type SessionState =
  | { kind: "checking" }
  | { kind: "signedOut"; expired: boolean }
  | ({ kind: "signedIn" } & SignedIn)
  | { kind: "failed"; problem: Problem };

interface Session {
  state: SessionState;
  asking: Asking;
  /** A deputyship ended while its deputy acted under it; until they take note. */
  ended: boolean;
  /** Act under a deputyship from now on, or at one's own post where it is empty. */
  actFor: (deputyship: string) => void;
  /** The server has said that the deputyship holds no longer. */
  stoodDown: () => void;
  /** Ask the server anew: after signing in, or after a failure. */
  refresh: () => void;
  /** Ask whether the session still holds, without taking the page away; if not, sign-in follows and says so. */
  check: () => void;
  /** The server has said that the session is over. */
  over: () => void;
  /** What any reply may say of the session. */
  onError: (error: CombinedError) => void;
  heed: (problem: Problem) => void;
  /** Forget everything that this person had open. */
  leave: () => void;
}

/** How often an open page asks whether its session still lives; it also asks whenever somebody comes back to it. */
const ASK_EVERY_MS = 60_000;

const CHECKING: SessionState = { kind: "checking" };

/** Under which deputyship one acts, if any; `ended` says that the last one was taken away. */
interface Place {
  deputyship: string;
  ended: boolean;
}

const OWN_POST: Place = { deputyship: "", ended: false };

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const { language, texts } = useSpeech();
  const [state, setState] = useState<SessionState>(CHECKING);
  const [turn, setTurn] = useState(0);
  const person = useRef("");
  const [place, setPlace] = useState<Place>({ deputyship: chosenDeputyship(), ended: false });
  const { deputyship } = place;
  useEffect(() => {
    if (!deputyship) forgetChosen();
  }, [deputyship]);
  const asking = useMemo<Asking>(() => ({ language, deputyship }), [language, deputyship]);

  // An answer to what was asked under an earlier deputyship says nothing of the present one.
  const stoodDown = useCallback(
    () => setPlace((now) => (now.deputyship === deputyship ? { deputyship: "", ended: true } : now)),
    [deputyship],
  );
  const heed = useCallback(
    (problem: Problem) => {
      if (problem.code === NOT_DEPUTY) stoodDown();
      if (!isSignedOut(problem)) return;
      setState((before) =>
        before.kind === "signedOut" ? before : { kind: "signedOut", expired: before.kind === "signedIn" },
      );
    },
    [stoodDown],
  );
  const onError = useCallback((error: CombinedError) => heed(problemOf(error, texts)), [heed, texts]);
  // A client per turn and post: nothing that one person has read stays in the cache for the next.
  const { client } = useMemo(() => ({ turn, client: makeClient(asking, onError) }), [asking, onError, turn]);

  useEffect(() => {
    let current = true;
    const arrive = async (): Promise<void> => {
      if (deputyship) {
        const standing = await sessionStanding();
        if (!current) return;
        if (standing !== null && standing !== "over" && standing !== choserOfDeputyship()) {
          setPlace(OWN_POST);
          return;
        }
      }
      const { data, error } = await client.query(ME, {}, { requestPolicy: "network-only" }).toPromise();
      const offered = data && (await deputyshipsOf(language, texts));
      if (!current) return;
      const deputyships = offered?.ok ? offered.value : [];
      const acting = deputyships.find(({ id }) => id === deputyship) ?? null;
      if (data && deputyship && offered?.ok && !acting) stoodDown();
      else if (data && (offered?.ok || !deputyship)) {
        if (person.current !== data.me.id) forgetDrafts();
        person.current = data.me.id;
        setState({ kind: "signedIn", me: data.me, scenes: data.scenes, deputyships, acting });
      } else {
        // Who acts in another's place must see whose: without the list there is no page.
        const problem = offered && !offered.ok ? offered.problem : error && problemOf(error, texts);
        if (!problem || problem.code === NOT_DEPUTY) return;
        if (!isSignedOut(problem)) setState({ kind: "failed", problem });
        else setState({ kind: "signedOut", expired: false });
      }
    };
    void arrive();
    return () => {
      current = false;
    };
  }, [client, language, deputyship, stoodDown, texts]);

  const login = state.kind === "signedIn" ? state.me.login : null;
  useEffect(() => {
    if (login === null) return;
    let current = true;
    const ask = async (): Promise<void> => {
      if (document.visibilityState !== "visible") return;
      const standing = await sessionStanding();
      if (!current || standing === null || standing === login) return;
      // Another tab may have signed somebody else in: this one must not go on as who it was.
      if (standing === "over") setState({ kind: "signedOut", expired: true });
      else setTurn((count) => count + 1);
    };
    const onReturn = (): void => void ask();
    const timer = window.setInterval(onReturn, ASK_EVERY_MS);
    window.addEventListener("focus", onReturn);
    document.addEventListener("visibilitychange", onReturn);
    return () => {
      current = false;
      window.clearInterval(timer);
      window.removeEventListener("focus", onReturn);
      document.removeEventListener("visibilitychange", onReturn);
    };
  }, [login]);

  // What was read of one post is not shown under another, not even for a moment.
  const shown: SessionState =
    state.kind === "signedIn" && (state.acting?.id ?? "") !== deputyship ? CHECKING : state;
  const session = useMemo<Session>(
    () => ({
      state: shown,
      asking,
      ended: place.ended,
      actFor: (chosen) => {
        if (chosen && login !== null) keepChosen(chosen, login);
        setPlace({ deputyship: chosen, ended: false });
      },
      stoodDown,
      heed,
      refresh: () => {
        setState(CHECKING);
        setTurn((count) => count + 1);
      },
      check: () =>
        void sessionStanding().then((standing) => {
          if (standing === "over") setState(expired);
        }),
      over: () => setState(expired),
      onError,
      leave: () => {
        forgetDrafts();
        person.current = "";
        setPlace(OWN_POST);
        setState({ kind: "signedOut", expired: false });
        setTurn((count) => count + 1);
      },
    }),
    [shown, asking, place.ended, login, stoodDown, heed, onError],
  );
  return (
    <SessionContext value={session}>
      <Provider value={client}>{children}</Provider>
    </SessionContext>
  );
}

/** What is below asks in another division than one's own, such as the one above both a case and its reader. */
export function Elsewhere({ division, children }: { division: string; children: ReactNode }) {
  const { asking, onError } = useSession();
  const client = useMemo(() => makeClient(asking, onError, division), [asking, onError, division]);
  return <Provider value={client}>{children}</Provider>;
}

const expired = (before: SessionState): SessionState =>
  before.kind === "signedOut" ? before : { kind: "signedOut", expired: true };

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession needs a SessionProvider above it");
  return session;
}

/** How the person on this page asks for things that no client of the page's carries. */
export const useAsking = (): Asking => useSession().asking;

/** The person signed in; only for pages below the frame, which shows none of them to a visitor. */
export function useSignedIn(): SignedIn {
  const { state } = useSession();
  if (state.kind !== "signedIn") throw new Error("this page needs somebody signed in");
  return state;
}
