import { useMemo } from "react";
import { Link } from "react-router";
import { useQuery } from "urql";
import { problemOf } from "../api/problem";
import { camel } from "../api/names";
import { formsOperation } from "../api/scene";
import { useTexts } from "../language";
import { useTitle } from "../parts/useTitle";
import { Blank } from "../parts/Blank";
import { ErrorView } from "../parts/ErrorView";
import { isForPeople } from "../forms/schema";
import { Loading } from "../parts/Loading";
import { useSignedIn } from "../session";

/** What this person may start in this region, by scene. */
export default function FormsPage() {
  const texts = useTexts();
  const { scenes } = useSignedIn();
  useTitle(texts.formsTitle);
  const query = useMemo(() => formsOperation(scenes.map(({ id }) => id)), [scenes]);
  const [{ data, error, fetching }, reload] = useQuery({ query, variables: {}, pause: scenes.length === 0 });
  if (fetching && !data) return <Loading />;
  if (error) return <ErrorView problem={problemOf(error, texts)} onRetry={reload} />;
  const offered = scenes
    .map((scene) => ({ scene, forms: data?.[camel(scene.id)]?.forms ?? [] }))
    .map(({ scene, forms }) => ({
      scene,
      forms: forms.filter(({ inputSchema }) => isForPeople(inputSchema)),
    }))
    .filter(({ forms }) => forms.length > 0);
  return (
    <section className="page" aria-labelledby="forms-title">
      <h1 id="forms-title">{texts.formsTitle}</h1>
      <p className="quiet">{texts.formsIntro}</p>
      {offered.length === 0 && <Blank title={texts.formsEmpty} hint={texts.formsEmptyHint} />}
      {offered.map(({ scene, forms }) => (
        <section key={scene.id} className="card" aria-labelledby={`scene-${scene.id}`}>
          <h2 id={`scene-${scene.id}`}>{scene.title}</h2>
          <ul className="offers">
            {forms.map((form) => (
              <li key={form.name}>
                <Link to={`/new/${form.namespace}/${form.name}`}>{form.title}</Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}
