import { Link } from "react-router";
import { useTexts } from "../language";
import { useTitle } from "../parts/useTitle";

export function NotFoundPage() {
  const texts = useTexts();
  useTitle(texts.notFoundTitle);
  return (
    <section className="page">
      <h1>{texts.notFoundTitle}</h1>
      <p>{texts.notFoundText}</p>
      <Link to="/inbox">{texts.home}</Link>
    </section>
  );
}
