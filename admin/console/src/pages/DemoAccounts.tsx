import { useEffect, useState } from "react";
import { type DemoAccount, demoAccounts, signInAsDemo } from "../api/auth";
import type { Problem } from "../api/problem";
import { useSpeech } from "../language";

interface Props {
  busy: boolean;
  onChoose: (attempt: Promise<Problem | null>) => void;
}

/** The demonstration's people, grouped by organ in the order in which the story needs them. */
export function DemoAccounts({ busy, onChoose }: Props) {
  const { language, texts } = useSpeech();
  const [accounts, setAccounts] = useState<DemoAccount[]>([]);

  useEffect(() => {
    let current = true;
    void demoAccounts(language, texts).then((found) => {
      if (current) setAccounts(found);
    });
    return () => {
      current = false;
    };
  }, [language, texts]);

  if (accounts.length === 0) return null;
  return (
    <section className="card" aria-labelledby="demo-title">
      <h2 id="demo-title">{texts.demoTitle}</h2>
      <p className="quiet">{texts.demoIntro}</p>
      {byOrgan(accounts).map(({ organ, people }) => (
        <section key={organ.id} className="demo-organ" aria-labelledby={`organ-${organ.id}`}>
          <h3 id={`organ-${organ.id}`}>{organ.name[language]}</h3>
          <ul>
            {people.map((account) => (
              <li key={account.login}>
                <button
                  type="button"
                  aria-disabled={busy}
                  onClick={() => {
                    if (!busy) onChoose(signInAsDemo(account.login, language, texts));
                  }}
                >
                  <strong>{account.name}</strong>
                  <span>{[account.department, account.title].filter(Boolean).join(" · ")}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

interface Group {
  organ: DemoAccount["organ"];
  people: DemoAccount[];
}

/** An organ stands where its first account stands. */
function byOrgan(accounts: DemoAccount[]): Group[] {
  const groups = new Map<string, Group>();
  for (const account of accounts) {
    const group = groups.get(account.organ.id) ?? { organ: account.organ, people: [] };
    group.people.push(account);
    groups.set(account.organ.id, group);
  }
  return [...groups.values()];
}
