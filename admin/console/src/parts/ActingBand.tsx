import { Alert, Button, Select } from "antd";
import { useNavigate } from "react-router";
import type { Deputyship } from "../api/deputyships";
import { formatLastDay } from "../format";
import { useSpeech } from "../language";
import { useSession, useSignedIn } from "../session";

/** Above every page of who acts in another's place: whose, at which post, until when, and the way back. */
export function ActingBand() {
  const { language, texts } = useSpeech();
  const { acting } = useSignedIn();
  const choose = useChoice();
  if (!acting) return null;
  const post = [acting.department, acting.title].filter(Boolean).join(" · ");
  return (
    <aside className="acting" aria-label={texts.actingAs}>
      <div className="acting-inner">
        <p>
          <strong>{texts.actingFor(acting.name, post)}</strong>{" "}
          <span>{texts.actingUntil(formatLastDay(acting.valid_to, language))}</span>
        </p>
        <Button size="small" onClick={() => choose("")}>
          {texts.ownPostBack}
        </Button>
      </div>
    </aside>
  );
}

/** Said once after a deputyship has ended under its deputy. */
export function ActingEnded() {
  const { texts } = useSpeech();
  const { ended, actFor } = useSession();
  if (!ended) return null;
  return (
    <div className="flash">
      <Alert
        type="warning"
        showIcon
        role="alert"
        title={texts.actingEnded}
        action={
          <Button size="small" onClick={() => actFor("")}>
            {texts.takeNote}
          </Button>
        }
      />
    </div>
  );
}

/** In whose place to act, for those who may act in anybody's. */
export function ActingChoice() {
  const { texts } = useSpeech();
  const { acting, deputyships } = useSignedIn();
  const choose = useChoice();
  if (deputyships.length === 0) return null;
  const label = ({ name, department, title }: Deputyship): string =>
    [texts.actFor(name), department, title].filter(Boolean).join(" · ");
  return (
    <Select
      size="small"
      className="acting-choice"
      aria-label={texts.actingAs}
      popupMatchSelectWidth={false}
      value={acting?.id ?? ""}
      options={[
        { value: "", label: texts.ownPost },
        ...deputyships.map((one) => ({ value: one.id, label: label(one) })),
      ]}
      // The header has little room, and the band says the rest.
      labelRender={() => (acting ? texts.actFor(acting.name) : texts.ownPost)}
      onChange={choose}
    />
  );
}

/** What is open may not be there for the other post: one begins at its inbox. */
function useChoice(): (id: string) => void {
  const { actFor } = useSession();
  const navigate = useNavigate();
  return (id) => {
    void navigate("/inbox");
    actFor(id);
  };
}
