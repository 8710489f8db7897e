import { Button } from "antd";
import { useSpeech } from "../language";

export function LanguageSwitch() {
  const { language, setLanguage, texts } = useSpeech();
  const other = language === "en" ? "zh" : "en";
  return (
    <Button
      size="small"
      type="text"
      lang={other === "en" ? "en" : "zh-CN"}
      onClick={() => setLanguage(other)}
    >
      {texts.otherLanguage}
    </Button>
  );
}
