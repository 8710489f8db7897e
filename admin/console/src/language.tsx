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

/** Chinese unless the person has chosen English on this machine before. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() =>
    localStorage.getItem(STORED) === "en" ? "en" : "zh",
  );
  useEffect(() => {
    localStorage.setItem(STORED, language);
    document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  }, [language]);
  const speech = useMemo(() => ({ language, setLanguage, texts: language === "en" ? en : zh }), [language]);
  return <LanguageContext value={speech}>{children}</LanguageContext>;
}

export function useSpeech(): Speech {
  const speech = useContext(LanguageContext);
  if (!speech) throw new Error("useSpeech needs a LanguageProvider above it");
  return speech;
}

export const useTexts = (): Texts => useSpeech().texts;
