import { Button, Space } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { caseAddress } from "../api/ids";
import { asksNothing } from "../api/scene";
import type { Action, ActResult, Case, Letter } from "../api/types";
import { useTexts } from "../language";
import { Confirm } from "../parts/Confirm";
import { ProblemNote } from "../parts/ErrorView";
import type { Texts } from "../texts";
import { useAct } from "./useAct";

interface Props {
  shown: Case;
  onDone: (title: string, result: ActResult) => void;
}

/** What this person may do now, as the server lists it; the first is the one to do first. */
export function NextSteps({ shown, onDone }: Props) {
  const texts = useTexts();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Action | null>(null);
  const { act, busy, problem, clear } = useAct();

  const start = (action: Action): void => {
    clear();
    if (action.letter !== null || asksNothing(action.inputSchema)) setAsked(action);
    else void navigate(`${caseAddress(shown.id)}/${action.name}`);
  };
  const confirm = async (action: Action): Promise<void> => {
    const result = await act(action, shown, {});
    if (!result) return;
    setAsked(null);
    onDone(action.title, result);
  };

  const offered = offeredIn(shown, texts);
  const letter = shown.letters.find(({ id }) => id === asked?.letter);
  if (offered.length === 0) return <p className="quiet">{texts.nothingToDo}</p>;
  return (
    <>
      <Space wrap>
        {offered.map((action, index) => (
          <Button
            key={action.letter ?? action.name}
            type={index === 0 ? "primary" : "default"}
            size={index === 0 ? "large" : "middle"}
            onClick={() => start(action)}
          >
            {action.title}
          </Button>
        ))}
      </Space>
      {asked && (
        <Confirm
          title={titleOf(asked, letter, texts)}
          busy={busy}
          onConfirm={() => void confirm(asked)}
          onCancel={() => setAsked(null)}
        >
          <p>{letter ? (letter.copyOf ? texts.readText : texts.signText) : texts.actText(asked.title)}</p>
          {problem && <ProblemNote problem={problem} />}
        </Confirm>
      )}
    </>
  );
}

/** The actions that the server lists, then the letters that it lets this person sign for otherwise: copies. */
function offeredIn(shown: Case, texts: Texts): Action[] {
  const listed = new Set(shown.actions.map(({ letter }) => letter));
  const letters = shown.letters.filter(({ id, maySign }) => maySign && !listed.has(id));
  return [
    ...shown.actions,
    ...letters.map((letter) => ({
      name: "sign",
      title: signing(letter, texts),
      namespace: "letters",
      inputSchema: {},
      letter: letter.id,
    })),
  ];
}

/** A copy is read, an original signed for: the inbox says so too. */
const signing = ({ title, copyOf }: Letter, texts: Texts): string =>
  copyOf ? texts.readTitle(title) : texts.signTitle(title);

const titleOf = (asked: Action, letter: Letter | undefined, texts: Texts): string =>
  letter ? signing(letter, texts) : asked.title;
