import { LoadingOutlined } from "@ant-design/icons";
import { ConfigProvider } from "antd";
import enGB from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { lazy, Suspense, useEffect } from "react";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { LanguageProvider, useSpeech } from "./language";
import { AccountPage } from "./pages/AccountPage";
import { AuthorizePage } from "./pages/AuthorizePage";
import { CasePage } from "./pages/CasePage";
import { CasesPage } from "./pages/CasesPage";
import { EmergencyPage } from "./pages/EmergencyPage";
import { InboxPage } from "./pages/InboxPage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { SignInPage } from "./pages/SignInPage";
import { Frame } from "./parts/Frame";
import { Loading } from "./parts/Loading";
import { SessionProvider } from "./session";
import { theme } from "./theme";

// The form engine is larger than everything else of ours together; who only reads never loads it.
const ActPage = lazy(() => import("./pages/ActPage"));
const FormsPage = lazy(() => import("./pages/FormsPage"));
const UnsealPage = lazy(() => import("./pages/UnsealPage"));

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

export function App() {
  return (
    <LanguageProvider>
      <Dressed />
    </LanguageProvider>
  );
}

function Dressed() {
  const { language } = useSpeech();
  useEffect(() => {
    dayjs.locale(language === "en" ? "en" : "zh-cn");
  }, [language]);
  return (
    <ConfigProvider
      csp={{ nonce }}
      locale={language === "en" ? enGB : zhCN}
      theme={theme}
      // An icon of ours comes and goes at once. The library's own slides out and, when the reply is quick, now and
      // then misses the end of that: the button would be called “loading” for ever.
      button={{ autoInsertSpace: false, loadingIcon: <LoadingOutlined /> }}
    >
      <SessionProvider>
        <BrowserRouter basename="/console">
          <Suspense fallback={<Loading />}>
            <Pages />
          </Suspense>
        </BrowserRouter>
      </SessionProvider>
    </ConfigProvider>
  );
}

function Pages() {
  return (
    <Routes>
      <Route path="/sign-in" element={<SignInPage />} />
      <Route element={<Frame />}>
        <Route index element={<Navigate to="/inbox" replace />} />
        <Route path="/inbox" element={<InboxPage />} />
        <Route path="/cases" element={<CasesPage />} />
        <Route path="/emergency" element={<EmergencyPage />} />
        <Route path="/unseal" element={<UnsealPage />} />
        <Route path="/cases/:id" element={<CasePage />} />
        <Route path="/cases/:id/:action" element={<ActPage />} />
        <Route path="/new" element={<FormsPage />} />
        <Route path="/new/:namespace/:action" element={<ActPage />} />
        <Route path="/apps" element={<AccountPage />} />
        <Route path="/authorize" element={<AuthorizePage />} />
        <Route path="*" element={<NotFoundPage />} />
      </Route>
    </Routes>
  );
}
