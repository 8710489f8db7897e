import { Button } from "antd";
import { useEffect, useState } from "react";
import { type SignInProvider, signInProviders } from "../api/auth";
import { useSpeech } from "../language";

/** A way out to each provider, which sends the person back to `to`, a path of the console. */
export function Providers({ to }: { to: string }) {
  const { language, texts } = useSpeech();
  const [providers, setProviders] = useState<SignInProvider[]>([]);

  useEffect(() => {
    let current = true;
    void signInProviders(language, texts).then((found) => {
      if (current) setProviders(found);
    });
    return () => {
      current = false;
    };
  }, [language, texts]);

  if (providers.length === 0) return null;
  return (
    <nav className="providers" aria-label={texts.providersTitle}>
      <p className="quiet">{texts.providersTitle}</p>
      {providers.map((provider) => (
        <Button
          key={provider.id}
          size="large"
          block
          href={`${provider.start}?${new URLSearchParams({ to: `/console${to}` }).toString()}`}
        >
          {provider.title[language]}
        </Button>
      ))}
    </nav>
  );
}
