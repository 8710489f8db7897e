import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { en, type Texts, zh } from "./texts";

export type Language = "zh" | "en";

interface Speech {
  language: Language;
  texts: Texts;
  setLanguage: (language: Language) => void;
}

const STORED = "gongzhi.language";
const LanguageContext = createContext<Speech | null>(null);

/** The language chosen on this machine before; until somebody chooses, the browser's first that we speak. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setShown] = useState<Language>(() => chosen() ?? preferred(navigator.languages));
  useEffect(() => {
    document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  }, [language]);
  const speech = useMemo(() => {
    const setLanguage = (next: Language): void => {
      localStorage.setItem(STORED, next);
      setShown(next);
    };
    return { language, setLanguage, texts: language === "en" ? en : zh };
  }, [language]);
  return <LanguageContext value={speech}>{children}</LanguageContext>;
}

function chosen(): Language | null {
  const stored = localStorage.getItem(STORED);
  return stored === "en" || stored === "zh" ? stored : null;
}

const preferred = (wanted: readonly string[]): Language => {
  const spoken = wanted.map((tag) => tag.toLowerCase().split("-")[0]);
  return spoken.find((language) => language === "zh" || language === "en") ?? "zh";
};

export function useSpeech(): Speech {
  const speech = useContext(LanguageContext);
  if (!speech) throw new Error("useSpeech needs a LanguageProvider above it");
  return speech;
}

export const useTexts = (): Texts => useSpeech().texts;
