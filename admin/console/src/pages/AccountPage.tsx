import { useSpeech } from "../language";
import { useTitle } from "../parts/useTitle";
import { OwnApps } from "./OwnApps";
import { OwnSessions } from "./OwnSessions";

/** What acts as this person: the places where they are signed in, and the apps that they let. */
export function AccountPage() {
  const { texts } = useSpeech();
  useTitle(texts.accountTitle);
  return (
    <section className="page" aria-labelledby="account-title">
      <h1 id="account-title">{texts.accountTitle}</h1>
      <OwnSessions />
      <OwnApps />
    </section>
  );
}
