import { Alert, Button } from "antd";
import { useEffect } from "react";
import { Navigate, NavLink, Outlet, useLocation } from "react-router";
import { signOut } from "../api/auth";
import type { Me } from "../api/types";
import { useSpeech } from "../language";
import { Live } from "../live";
import { useSession } from "../session";
import { ActingBand, ActingChoice, ActingEnded } from "./ActingBand";
import { ErrorView } from "./ErrorView";
import { LanguageSwitch } from "./LanguageSwitch";
import { Loading } from "./Loading";

interface Arrival {
  /** What has just been done, said once on the page that follows. */
  flash?: string;
}

/** What surrounds every page of somebody signed in; a visitor is sent to sign in and comes back. */
export function Frame() {
  const { state, refresh } = useSession();
  const { texts } = useSpeech();
  const location = useLocation();
  const { flash } = (location.state ?? {}) as Arrival;
  useFocusOnMove(location.pathname);

  if (state.kind === "checking") return <Loading />;
  if (state.kind === "failed") return <ErrorView problem={state.problem} onRetry={refresh} />;
  if (state.kind === "signedOut") {
    const from = location.pathname + location.search;
    return <Navigate to="/sign-in" replace state={{ from, expired: state.expired }} />;
  }
  return (
    <>
      <a className="skip" href="#content">
        {texts.skip}
      </a>
      <header className="head">
        <div className="head-inner">
          <span className="brand">
            <img src="/console/mark.svg" alt="" width="28" height="28" />
            {texts.product}
          </span>
          <nav aria-label={texts.mainNavigation}>
            <NavLink to="/inbox">{texts.inbox}</NavLink>
            <NavLink to="/cases">{texts.cases}</NavLink>
            <NavLink to="/new">{texts.newReport}</NavLink>
            <NavLink to="/emergency">{texts.emergency}</NavLink>
            {state.me.duties.includes("approver") && <NavLink to="/unseal">{texts.unsealing}</NavLink>}
            <NavLink to="/apps">{texts.account}</NavLink>
          </nav>
          <Person me={state.me} />
        </div>
      </header>
      <ActingBand />
      <main id="content" tabIndex={-1}>
        <ActingEnded />
        {flash && (
          <div className="flash">
            <Alert type="success" showIcon role="status" title={flash} />
          </div>
        )}
        <Live>
          <Outlet />
        </Live>
      </main>
    </>
  );
}

function Person({ me }: { me: Me }) {
  const { language, texts } = useSpeech();
  const { leave } = useSession();
  return (
    <div className="person">
      <span className="person-name">
        <strong>{me.name}</strong>
        <span className="quiet">{[me.organ.name, me.department, me.title].filter(Boolean).join(" · ")}</span>
      </span>
      <ActingChoice />
      <LanguageSwitch />
      <Button size="small" onClick={() => void signOut(language, texts).then(leave)}>
        {texts.signOut}
      </Button>
    </div>
  );
}

/** A new page starts at its top, for the eye and for a screen reader alike. */
function useFocusOnMove(path: string): void {
  useEffect(() => {
    window.scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);
}
