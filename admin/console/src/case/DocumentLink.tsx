import { FilePdfOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import { documentAt } from "../api/documents";
import { save } from "../api/exports";
import type { Problem } from "../api/problem";
import type { Letter } from "../api/types";
import { useTexts } from "../language";
import { ProblemNote } from "../parts/ErrorView";
import { useAsking, useSession } from "../session";

/** Opens a letter's document; who acts in another's place is given the file instead. */
export function DocumentLink({ letter, url }: { letter: Letter; url: string }) {
  const texts = useTexts();
  const asking = useAsking();
  const { heed } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  if (!asking.deputyship)
    return (
      <a href={url} target="_blank" rel="noopener">
        <FilePdfOutlined aria-hidden /> {texts.openPdf}
        <span className="unseen">{texts.openPdfOf(letter.title)}</span>
      </a>
    );

  const fetchIt = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const answer = await documentAt(url, asking, texts);
    setBusy(false);
    if (answer.ok) save(answer.value, `${letter.title}.pdf`);
    else {
      setProblem(answer.problem);
      heed(answer.problem);
    }
  };
  return (
    <>
      <Button
        type="link"
        size="small"
        icon={<FilePdfOutlined aria-hidden />}
        loading={busy}
        onClick={() => void fetchIt()}
      >
        {texts.savePdf}
        <span className="unseen">{texts.savePdfOf(letter.title)}</span>
      </Button>
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}
