"""The whole error tree in one view; every room raises from here, anybody may import it.

A refusal says what was wrong, where, and what to do about it, in Chinese and English. It never carries
personal data: facts put into a message are identifiers, field paths, figures and names of things we publish.
Each leaf class has a stable `code`, and each code a page `docs/errors/<code>.md` (held by a test).
"""

from __future__ import annotations

from typing import ClassVar

from gongzhi.declarations import Text


class GongzhiError(Exception):
    """Anything that Gongzhi itself says went wrong.

    `facts` fill the class's templates (a `Text` in the language asked for); `where` is a JSON pointer, header
    or setting that names the place.
    """

    code: ClassVar[str] = ""
    status: int = 500
    zh: ClassVar[str] = ""
    en: ClassVar[str] = ""
    remedy_zh: ClassVar[str] = ""
    remedy_en: ClassVar[str] = ""

    def __init__(self, *, where: str = "", **facts: object) -> None:
        self.where = where
        self.facts = facts
        super().__init__(f"{self.message('en')} {self.remedy('en')}".strip())

    def message(self, language: str = "zh") -> str:
        """What was wrong, one sentence in `language` (`zh` or `en`)."""
        return (self.en if language == "en" else self.zh).format(**self._facts_in(language))

    def remedy(self, language: str = "zh") -> str:
        """What the reader can do about it, one sentence in `language`."""
        return (self.remedy_en if language == "en" else self.remedy_zh).format(**self._facts_in(language))

    def _facts_in(self, language: str) -> dict[str, object]:
        return {name: fact[language] if isinstance(fact, Text) else fact for name, fact in self.facts.items()}

    def reply(self, language: str = "zh") -> dict[str, str]:
        """The public form: code, message, remedy and where; the body of an HTTP error."""
        return {
            "code": self.code,
            "message": self.message(language),
            "remedy": self.remedy(language),
            "where": self.where,
        }


class Refused(GongzhiError):
    """We understood, and the answer is no; nothing but the audit log changed."""

    status = 400


class Invalid(Refused):
    """The input is not what the schema or the protocol says."""

    status = 400


class InvalidJson(Invalid):
    code = "invalid_json"
    zh = "请求体不是有效的 JSON：{problem}。"
    en = "The body is not valid JSON: {problem}."
    remedy_zh = "请检查该位置的引号、逗号和括号后重新发送。"
    remedy_en = "Check quotes, commas and brackets at that place and send it again."


class InvalidEncoding(Invalid):
    code = "invalid_encoding"
    zh = "请求体不是有效的 UTF-8（字节 {offset}）。"
    en = "The body is not valid UTF-8 (byte {offset})."
    remedy_zh = "请以 UTF-8 编码后重新发送。"
    remedy_en = "Encode the body as UTF-8 and send it again."


class InvalidInput(Invalid):
    code = "invalid_input"
    zh = "“{where}”不符合要求：{problem}。"
    en = "{where} does not fit the schema: {problem}."
    remedy_zh = "请按该字段的说明改正后重新提交，未保存任何内容。"
    remedy_en = "Correct the field as its description says and send again; nothing was stored."

    def __init__(self, *, where: str = "/", **facts: object) -> None:
        super().__init__(where=where, **facts)

    def message(self, language: str = "zh") -> str:
        return (self.en if language == "en" else self.zh).format(where=self.where, **self._facts_in(language))


class UnknownField(InvalidInput):
    code = "unknown_field"
    zh = "“{where}”：没有名为“{field}”的字段。"
    en = "{where}: there is no field named {field}."
    remedy_zh = "请删除该字段，或对照数据模式改正其名称。"
    remedy_en = "Remove the field, or correct its name after the schema."


class ImpossibleDate(InvalidInput):
    code = "impossible_date"
    zh = "“{where}”：日期不存在或不可能（{problem}）。"
    en = "{where}: the date does not exist or is impossible ({problem})."
    remedy_zh = "请填写真实日期，格式为 YYYY-MM-DD。"
    remedy_en = "Give a real date as YYYY-MM-DD."


class InvalidArgument(InvalidInput):
    """What was typed after a command can't be used; `where` is the argument's name."""

    code = "invalid_argument"
    zh = "参数 {where} 不可用：{problem}。"
    en = "The argument {where} can't be used: {problem}."
    remedy_zh = "请改正后重新运行；可用 --help 查看说明。"
    remedy_en = "Correct it and run the command again; --help explains it."


class ImportRefused(Invalid):
    """A directory import has rows that are wrong; each is listed beside this error, and nothing was stored."""

    code = "import_refused"
    zh = "导入文件有 {count} 处错误，未保存任何内容。"
    en = "Nothing of the import was stored; faults in it: {count}."
    remedy_zh = "请按列出的工作表、行和列逐一改正后重新导入；可先加 --dry-run 试运行。"
    remedy_en = "Correct what is listed by sheet, row and column and import again; --dry-run tries it first."


class InvalidRequest(Invalid):
    code = "invalid_request"
    zh = "请求不符合协议：{problem}。"
    en = "The request does not follow the protocol: {problem}."
    remedy_zh = "请对照接口文档改正请求的参数和请求头。"
    remedy_en = "Correct the request's parameters and headers after the API reference."


class InvalidQuery(Invalid):
    code = "invalid_query"
    zh = "GraphQL 查询无效：{problem}"
    en = "The GraphQL document is not valid: {problem}"
    remedy_zh = "请对照本地区的 SDL（…/schema.graphql）改正查询。"
    remedy_en = "Correct the document after the region's SDL (…/schema.graphql)."


class LimitExceeded(Invalid):
    code = "limit_exceeded"
    zh = "超出上限：{what}最多 {limit}。"
    en = "Over the limit: {what} at most {limit}."
    remedy_zh = "请拆分请求，或分页读取。"
    remedy_en = "Split the request, or read page by page."


class MethodNotAllowed(Invalid):
    code = "method_not_allowed"
    status = 405
    zh = "此处不接受 {method} 方式的该请求。"
    en = "This request is not accepted as {method}."
    remedy_zh = "查询可用 GET 或 POST，写操作只能用 POST。"
    remedy_en = "Queries go by GET or POST, writes by POST only."


class MediaTypeNotSupported(Invalid):
    code = "media_type_not_supported"
    status = 415
    zh = "不支持的内容类型：{media_type}。"
    en = "The content type {media_type} is not supported."
    remedy_zh = "请使用 application/json，编码为 UTF-8。"
    remedy_en = "Send application/json, encoded as UTF-8."


class NotAcceptable(Invalid):
    code = "not_acceptable"
    status = 406
    zh = "不能以所要求的内容类型回复。"
    en = "There is no reply in the media type that was asked for."
    remedy_zh = (
        "Accept 头请包含 application/graphql-response+json 或 application/json；订阅须为 text/event-stream。"
    )
    remedy_en = (
        "Let Accept include application/graphql-response+json or application/json;"
        " for a subscription, text/event-stream."
    )


class KeyMissing(Invalid):
    code = "key_missing"
    zh = "缺少幂等键。"
    en = "The idempotency key is missing."
    remedy_zh = "每次写操作请附带一个新的随机键（8 至 100 个可见字符），重试时使用同一个键。"
    remedy_en = (
        "Send a fresh random key (8 to 100 visible characters) with each write, and the same key on a retry."
    )


class BodyTooLarge(Refused):
    code = "body_too_large"
    status = 413
    zh = "请求体超过 {limit_bytes} 字节的上限。"
    en = "The body is over the limit of {limit_bytes} bytes."
    remedy_zh = "请缩小请求：分几次发送，或去掉不需要的内容。"
    remedy_en = "Send less: in several requests, or without what is not needed."


class TooManyRequests(Refused):
    code = "too_many_requests"
    status = 429
    zh = "请求过于频繁。"
    en = "Too many requests."
    remedy_zh = "请在 {seconds} 秒后重试。"
    remedy_en = "Try again in {seconds} s."


class NotAllowed(Refused):
    """Who asks may not do this."""

    status = 403


class GrantRefused(NotAllowed):
    """The token endpoint's no. `error` is its code in RFC 6749 §5.2, which clients go by."""

    code = "grant_refused"
    status = 400
    zh = "令牌请求被拒绝（{error}）：{problem}。"
    en = "The token request was refused ({error}): {problem}."
    remedy_zh = "请按 {error} 的说明改正；授权码或刷新令牌失效的，请让本人重新授权。"
    remedy_en = "Correct what {error} names; where a code or a refresh token is void, have the person authorize again."

    def __init__(self, *, error: str, problem: Text, status: int = 400, where: str = "") -> None:
        super().__init__(where=where, error=error, problem=problem)
        self.error = error
        self.status = status


class SignInRequired(NotAllowed):
    code = "sign_in_required"
    status = 401
    zh = "需要登录。"
    en = "Sign-in is required."
    remedy_zh = "请登录，或在 Authorization 头中附带有效令牌。"
    remedy_en = "Sign in, or send a valid token in the Authorization header."


class CredentialsWrong(NotAllowed):
    code = "credentials_wrong"
    status = 401
    zh = "账号或密码不正确。"
    en = "The account or the password is not right."
    remedy_zh = "请核对后重试；连续失败将暂时锁定。"
    remedy_en = "Check both and try again; repeated failures lock the account for a while."


class SecondStepRequired(NotAllowed):
    """The password is right, and a code has to come after it; `step` says which, for the browser that asked."""

    code = "second_step_required"
    status = 401
    zh = "密码正确，还需第二步验证。"
    en = "The password is right; a second step has to follow."
    remedy_zh = "请在控制台的登录页输入验证器中的验证码；首次登录先登记验证器。"
    remedy_en = (
        "Enter your authenticator's code on the console's sign-in page; at the first sign-in enrol one there."
    )

    def __init__(self, *, step: object) -> None:
        super().__init__()
        self.step = step


class CodeWrong(NotAllowed):
    code = "code_wrong"
    status = 401
    zh = "验证码不正确，或已经用过。"
    en = "The code is not right, or was used before."
    remedy_zh = "请等待下一个验证码，或使用一个恢复码；连续失败将暂时锁定。"
    remedy_en = (
        "Wait for the next code, or use a recovery code; repeated failures lock the account for a while."
    )


class TokenStale(NotAllowed):
    code = "token_stale"
    status = 401
    zh = "令牌已过期或已被撤销。"
    en = "The token has expired or was revoked."
    remedy_zh = "请重新登录或签发新令牌（gongzhi token <账号>）。"
    remedy_en = "Sign in again or issue a new token (gongzhi token <account>)."


class AppWithdrawn(NotAllowed):
    """A token of an app that was taken out of use: no other token of it helps."""

    code = "app_withdrawn"
    status = 401
    zh = "该应用已停用，其全部令牌作废。"
    en = "The app was taken out of use, and all its tokens are void."
    remedy_zh = "重新登录或重新授权都无济于事；请登录控制台自行办理，或请安全管理员另行登记应用。"
    remedy_en = (
        "Signing in or authorizing again won't help: do it yourself in the console, or have the security administrator"
        " register an app anew."
    )


class CrossSiteRequest(NotAllowed):
    code = "cross_site_request"
    zh = "来自其他站点的请求被拒绝。"
    en = "A request from another site was refused."
    remedy_zh = "请从本站页面操作，或改用令牌访问。"
    remedy_en = "Act from our own pages, or use a bearer token."


class ActionNotAllowed(NotAllowed):
    """`advice`, where it is given, is a better remedy than the general one."""

    code = "action_not_allowed"
    zh = "您的岗位不能执行“{action}”：{reason_zh}。"
    en = "Your post may not {action}: {reason_en}."
    remedy_zh = "请由承担相应角色的单位办理，或联系本单位管理员。"
    remedy_en = "Ask the organ that holds that role to act, or your administrator."

    def __init__(self, *, where: str = "", advice: Text | None = None, **facts: object) -> None:
        self._advice = advice
        super().__init__(where=where, **facts)

    def remedy(self, language: str = "zh") -> str:
        if self._advice is None:
            return super().remedy(language)
        return self._advice[language] + ("." if language == "en" else "。")


class RevealFirst(NotAllowed):
    code = "reveal_first"
    zh = "此文书载有须先说明理由才能显示的内容。"
    en = "This document holds what is shown only to who has said why."
    remedy_zh = "请在案件页面点“显示全部”，选择理由后再打开。"
    remedy_en = "On the case's page choose “Show all”, say why, and open it then."


class RightsChanged(NotAllowed):
    """What a stream or an export began with holds no longer."""

    code = "rights_changed"
    zh = "您的权限或本地区的场景已变更，已停止。"
    en = "Your rights, or the region's scenes, have changed; it was stopped."
    remedy_zh = "请刷新页面后重试。"
    remedy_en = "Reload the page and try again."


class ScopeMissing(NotAllowed):
    """An app asked for more than the person lets it do in their name."""

    code = "scope_missing"
    zh = "应用没有“{scope}”这一授权范围。"
    en = "The app lacks the scope {scope}."
    remedy_zh = (
        "请在授权请求的 scope 中加入该范围，由本人同意后再试；应用登记时未获准的范围，请联系安全管理员。"
    )
    remedy_en = (
        "Ask for that scope when you send the person to authorize, and try again once they agreed; one that the app was"
        " not registered for is the security administrator's to add."
    )


class NotDelegable(NotAllowed):
    """What no app does in anybody's name, whatever its scopes."""

    code = "not_delegable"
    zh = "此事项不能交由应用代办。"
    en = "No app can do this in somebody's name."
    remedy_zh = "请本人登录后办理；可授权的范围见 scopes_supported。"
    remedy_en = "Sign in and do it yourself; scopes_supported lists what can be delegated."


class AppTokenRefused(NotAllowed):
    """A door that takes no app's token, which is every door that does not say that it does."""

    code = "app_token_refused"
    zh = "此地址不接受应用的令牌。"
    en = "This address takes no app's token."
    remedy_zh = "应用请使用 POST /graphql/<区划代码>。"
    remedy_en = "Apps use POST /graphql/<division code>."


class AppOriginRefused(NotAllowed):
    """An app's token came from a page that is not the app's."""

    code = "app_origin_refused"
    zh = "该网页来源未登记为此应用所有。"
    en = "The page's origin is not registered for this app."
    remedy_zh = "请从已登记的来源调用，或由安全管理员登记该来源。"
    remedy_en = "Call from a registered origin, or have the security administrator register this one."


class NotDeputy(NotAllowed):
    """A request says that it acts in somebody's place, and the deputyship that it names doesn't hold for its account."""

    code = "not_deputy"
    zh = "您此刻没有这项代理，不能代他人办理。"
    en = "You hold no such deputyship now, and can't act in anybody's place."
    remedy_zh = "请去掉请求头 Gongzhi-Deputyship，以本人岗位办理；需要代理的由单位管理员登记。"
    remedy_en = (
        "Leave out the header Gongzhi-Deputyship and act at your own post, or ask your organ's administrator."
    )


class AccountClosed(NotAllowed):
    code = "account_closed"
    zh = "账号已停用，或其岗位、单位已失效。"
    en = "The account is disabled, or its post or its organ is no longer valid."
    remedy_zh = "请联系本单位管理员。"
    remedy_en = "Ask your organ's administrator."


class OrganOutsideRegion(NotAllowed):
    code = "organ_outside_region"
    zh = "您的单位不在 {region} 的范围内。"
    en = "Your organ is outside {region}."
    remedy_zh = "请使用本单位所在地区的地址。"
    remedy_en = "Use the address of your organ's own region."


class ExternalSignInFailed(NotAllowed):
    """An OIDC provider's answer proves nothing to us; `problem` is one of our own sentences."""

    code = "external_sign_in_failed"
    status = 401
    zh = "外部登录没有完成：{problem}。"
    en = "The sign-in elsewhere was not completed: {problem}."
    remedy_zh = "请回到登录页重新开始；反复出现时请告知管理员。"
    remedy_en = "Begin again on the sign-in page; if it happens again, tell the administrator."


class IdentityNotLinked(NotAllowed):
    """Somebody proved who they are elsewhere, and that is no account here. `reference` stands for them and says nothing."""

    code = "identity_not_linked"
    zh = "您在“{provider}”的身份没有关联本平台的账号。"
    en = "Your identity at {provider} is linked to no account here."
    remedy_zh = "请把关联码 {reference} 告知本单位管理员，由其核实后关联。"
    remedy_en = "Give the reference {reference} to your organ's administrator, who checks and links it."


class LinkNotVouched(NotAllowed):
    """An identity is linked to an administrator's account, and only by a claim that agreed."""

    code = "link_not_vouched"
    zh = "您在“{provider}”的身份是自动关联的，不能用于管理员账号。"
    en = "Your identity at {provider} was linked automatically, which does not do for an administrator's account."
    remedy_zh = "请把关联码 {reference} 告知另一位管理员，由其核实后重新关联。"
    remedy_en = "Give the reference {reference} to another administrator, who checks and links it anew."


class ServiceAccountRequired(NotAllowed):
    code = "service_account_required"
    zh = "此地址只供服务账号使用。"
    en = "This address is for service accounts only."
    remedy_zh = "请在 Authorization 头中附带本单位服务账号的令牌；个人请使用控制台或 GraphQL。"
    remedy_en = "Send the token of a service account of your organ; people use the console or GraphQL."


class NotFound(Refused):
    """It is not there, or you may not know that it is."""

    status = 404


class NoSuchThing(NotFound):
    code = "not_found"
    zh = "没有找到。"
    en = "Not found."
    remedy_zh = "请核对编号；若确有其事，可能不在您的权限范围内。"
    remedy_en = "Check the id; if it exists, it may lie outside what you may see."


class UnsealingRefused(NotFound):
    code = "unsealing_refused"
    zh = "不能办理：没有可以由您依此申请开放的封存记录。"
    en = "Refused: there is no sealed record that you may open on this request."
    remedy_zh = "请核对案件编号、查询单位和依据；须由决定封存的单位有签发职责的人员办理。"
    remedy_en = "Check the case's id, the organ that inquires and the ground; an approver of the organ that sealed does it."


class NoSuchRegion(NotFound):
    code = "no_such_region"
    zh = "行政区划代码“{region}”不存在。"
    en = "There is no division with code {region}."
    remedy_zh = "请使用 GB/T 2260 六位代码。"
    remedy_en = "Use a six-digit GB/T 2260 code."


class SceneNotEnabled(NotFound):
    code = "scene_not_enabled"
    zh = "该地区没有启用此场景，或已停止新收。"
    en = "This scene is not enabled in that region, or takes no new cases there."
    remedy_zh = "紧急情况请直接拨打 110；启用场景请联系省级管理员。"
    remedy_en = "In an emergency call 110; to have the scene enabled, ask the provincial administrator."


class Conflict(Refused):
    """It is right in itself, and does not fit what is there now."""

    status = 409


class LetterUnsigned(Conflict):
    code = "letter_unsigned"
    zh = "“{title_zh}”尚未被签收，案件不能封存。"
    en = "Nobody has signed for “{title_en}” yet, so the case can't be sealed."
    remedy_zh = "请等待或提醒收文单位签收；发出满 {days} 日仍未签收的，可以封存。"
    remedy_en = (
        "Wait, or remind the addressee; {days} days after it was sent the case can be sealed all the same."
    )


class GlassNotNeeded(Conflict):
    code = "glass_not_needed"
    zh = "您本来就可以查阅此案。"
    en = "You may read this case as it is."
    remedy_zh = "请直接打开案件，不需要紧急查阅。"
    remedy_en = "Open the case; there is no need to break the glass."


class NothingToReveal(Conflict):
    code = "nothing_to_reveal"
    zh = "没有可以凭理由显示的内容。"
    en = "Nothing here is shown for giving a reason."
    remedy_zh = "仍被遮蔽的内容，您的角色无权查看；确需查看的，请联系主办单位。"
    remedy_en = (
        "What is still masked is not your role's to see; if you need it, ask the organ that handles the case."
    )


class NothingToNudge(Conflict):
    code = "nothing_to_nudge"
    zh = "没有单位有待办事项，无需催办。"
    en = "No other organ has anything to do here, so there is nobody to nudge."
    remedy_zh = "请刷新案件；文书或期限可能刚刚办结。"
    remedy_en = "Load the case again; a letter or clock may just have been settled."


class NudgedAlready(Conflict):
    code = "nudged_already"
    zh = "本工作日已催办过。"
    en = "They were nudged on this working day already."
    remedy_zh = "同一案件对同一单位每个工作日催办一次，请下一个工作日再催。"
    remedy_en = "An organ is nudged once a working day about a case; try on the next one."


class SceneReadOnly(Conflict):
    code = "scene_read_only"
    zh = "此场景在该地区已停止办理，案件只能查阅。"
    en = "This scene no longer takes acts in that region; its cases can be read only."
    remedy_zh = "确需继续办理的，请联系省级管理员恢复场景。"
    remedy_en = "If the case must go on, ask the provincial administrator to reopen the scene."


class WrongState(Conflict):
    code = "wrong_state"
    zh = "当前状态（{state_zh}）下不能“{action_zh}”。"
    en = "In state {state_en} the action {action_en} is not possible."
    remedy_zh = "请刷新后查看可办理的事项。"
    remedy_en = "Reload the case and see which actions it offers."


class GuardFailed(Conflict):
    code = "guard_failed"
    zh = "不满足条件“{guard}”，不能“{action_zh}”。"
    en = "The condition {guard} for {action_en} is not met."
    remedy_zh = "请先补齐该条件所需的事项。"
    remedy_en = "Complete what the condition asks for first."


class RowChanged(Conflict):
    code = "row_changed"
    zh = "记录已被他人修改。"
    en = "Somebody else changed this record."
    remedy_zh = "请刷新后在最新内容上重新操作。"
    remedy_en = "Reload and act again on the newest content."


class DirectoryBusy(Conflict):
    code = "directory_busy"
    zh = "正有人办理与这些单位有关的事项，此时不能变更；未作任何改动。"
    en = "Others are acting just now, so the organs can't be changed at this moment; nothing was."
    remedy_zh = "请稍后重试，最好在办理较少的时候。"
    remedy_en = "Try again shortly, best at a quiet hour."


class SubjectErased(Conflict):
    code = "subject_erased"
    zh = "当事人的个人信息已依法删除，不能再写入。"
    en = "This person's data was erased; nothing can be added to it."
    remedy_zh = "如需继续办理，请新建案件。"
    remedy_en = "Open a new case if work has to go on."


class KeyReused(Conflict):
    code = "key_reused"
    zh = "同一幂等键用于了不同内容。"
    en = "The same idempotency key came with another body."
    remedy_zh = "新的操作请使用新的键。"
    remedy_en = "Use a new key for a new act."


class AlreadyExists(Conflict):
    code = "already_exists"
    zh = "该{what}已被占用。"
    en = "The {what} is taken already."
    remedy_zh = "请换一个值，或使用已有的登记。"
    remedy_en = "Choose another, or use what is registered already."


class DutiesExclude(Conflict):
    code = "duties_exclude"
    zh = "职责“{first}”与“{second}”不能由同一人承担。"
    en = "One person may not hold both {first} and {second}."
    remedy_zh = "系统、安全、审计管理员须由不同人员担任，且不办理案件。"
    remedy_en = "Let three people be system, security and audit administrator, none of whom handles cases."


class SuccessorNeeded(Conflict):
    """Somebody leaves who alone has a duty in the department."""

    code = "successor_needed"
    zh = "离任者是本部门唯一具有以下职责的人：{duties}。"
    en = "The leaver is the only one of the department with these duties: {duties}."
    remedy_zh = "请指定同一部门的继任者，这些职责随之交给继任者。"
    remedy_en = "Name a successor of the same department, who is given these duties."


class RolesUnbound(Conflict):
    code = "roles_unbound"
    zh = "场景“{scene}”在 {region} 尚未绑定角色：{roles}。"
    en = "Scene {scene} has unbound roles in {region}: {roles}."
    remedy_zh = "请先为每个角色指定承担单位，或只为已齐备的县逐个启用。"
    remedy_en = "Bind each role to an organ first, or enable the scene one by one where all are bound."


class ImportClosed(Conflict):
    code = "import_closed"
    zh = "该次导入已经撤销，或已超过 {days} 日，不能撤销。"
    en = "The import was undone already, or is more than {days} days old, and can't be undone."
    remedy_zh = "请用新的导入改正，或逐项登记变更。"
    remedy_en = "Correct it by another import, or change what is wrong one by one."


class ImportBuiltOn(Conflict):
    code = "import_built_on"
    zh = "该次导入的 {count} 行已被使用或已改动，不能撤销：{rows}。"
    en = "The import can't be undone; rows in use, or changed since: {count} ({rows})."
    remedy_zh = "请用新的导入改正：以截止日期结束不应有的岗位和单位。"
    remedy_en = "Correct it by another import: end the posts and organs that should not be there."


class IntakeClash(Conflict):
    code = "intake_clash"
    zh = "场景“{first}”与“{second}”在同一地区都声明了 {method} {path}。"
    en = "Scenes {first} and {second} both declare {method} {path} in the same region."
    remedy_zh = "请在不同地区启用它们，或请场景的维护者改用各自的路径。"
    remedy_en = "Enable them in different regions, or ask the scenes' maintainers for paths of their own."


class SceneIncompatible(Conflict):
    code = "scene_incompatible"
    zh = "场景“{scene}”不能使用：{problem}。"
    en = "Scene {scene} cannot be used: {problem}."
    remedy_zh = "请安装与本平台兼容的版本。"
    remedy_en = "Install a version that fits this core."


class SceneRefused(Conflict):
    """A scene's rule said no, in its own words (`zh`, `en` and remedies come from the scene)."""

    code = "scene_refused"
    status = 422
    zh = "{rule}：{text_zh}"
    en = "{rule}: {text_en}"
    remedy_zh = "{advice_zh}"
    remedy_en = "{advice_en}"


class SceneFault(GongzhiError):
    """A scene raised or answered nonsense; its act was refused and nothing else."""

    code = "scene_fault"
    status = 502
    zh = "场景“{scene}”（{version}）出现故障，本次操作未执行。"
    en = "Scene {scene} ({version}) failed, and this act was not carried out."
    remedy_zh = "请稍后重试；管理员可在场景状态中查看原因。"
    remedy_en = "Try again later; the administrator finds the reason in the scene's state."


class ReplyFailed(GongzhiError):
    """What was asked is done and stored; only the scene's answer to it could not be made."""

    code = "reply_failed"
    zh = "操作已办理并保存，但场景“{scene}”（{version}）未能给出回复。"
    en = "The act is done and stored, but scene {scene} ({version}) failed to make its reply."
    remedy_zh = "请勿另行提交；用同一幂等键重试是安全的，不会重复办理。"
    remedy_en = "Do not send it anew; repeating it with the same key is safe and acts only once."


class StoreFault(GongzhiError):
    """The database, the files or the keys can't do their part.

    Message and remedy are the operator's, for the terminal and the log: they quote paths and the database's own words.
    """

    status = 503

    def reply(self, language: str = "zh") -> dict[str, str]:
        """The code, and what a client can do about it: nothing but wait."""
        said = _STORE_FAULT_EN if language == "en" else _STORE_FAULT_ZH
        return {"code": self.code, "message": said[0], "remedy": said[1], "where": ""}


_STORE_FAULT_ZH = ("存储暂时不可用。", "请稍后重试；管理员可在服务器日志中查看原因。")
_STORE_FAULT_EN = (
    "The store is not available now.",
    "Try again later; the administrator finds the reason in the server's log.",
)


class StoreUnavailable(StoreFault):
    code = "store_unavailable"
    zh = "数据库不可用：{problem}。"
    en = "The database is not available: {problem}."
    remedy_zh = "请检查 GONGZHI_DATABASE_URL，或查看 {home} 下的日志。"
    remedy_en = "Check GONGZHI_DATABASE_URL, or read the log in {home}."


class NoSpace(StoreFault):
    code = "no_space"
    zh = "{home} 所在磁盘空间不足（需要 {needed_mb} MB，剩余 {free_mb} MB）。"
    en = "The disk that holds {home} is short of space (needs {needed_mb} MB, has {free_mb} MB)."
    remedy_zh = "请清理空间，或用 GONGZHI_HOME 指定其他位置。"
    remedy_en = "Free some space, or point GONGZHI_HOME elsewhere."


class HomeNotWritable(StoreFault):
    code = "home_not_writable"
    zh = "不能写入 {home}：{problem}。"
    en = "Cannot write to {home}: {problem}."
    remedy_zh = "请修改目录权限，或用 GONGZHI_HOME 指定其他位置。"
    remedy_en = "Change the folder's permissions, or point GONGZHI_HOME elsewhere."


class RootRefused(StoreFault):
    code = "root_refused"
    zh = "PostgreSQL 不能以 root 运行，而这里没有普通用户可以运行它。"
    en = "PostgreSQL does not run as root, and no unprivileged user can run it here."
    remedy_zh = "请以普通用户启动，或设置 GONGZHI_DATABASE_URL 使用现有数据库。"
    remedy_en = "Start as an ordinary user, or set GONGZHI_DATABASE_URL to a database of yours."


class KeyUnreadable(StoreFault):
    code = "key_unreadable"
    zh = "密钥文件 {name} 不可用：{problem}。"
    en = "The key file {name} cannot be used: {problem}."
    remedy_zh = "请从备份恢复密钥文件夹；不要新建，否则旧数据无法解密、旧日志无法续签。"
    remedy_en = (
        "Restore the key folder from your backup; do not make a new one, or old data stays sealed for ever."
    )


class FileDamaged(StoreFault):
    code = "file_damaged"
    zh = "文件 {sha256} 不可用：{problem}。"
    en = "The file {sha256} cannot be used: {problem}."
    remedy_zh = "请从备份恢复 {home} 下的 files 文件夹；内容与其哈希不符的文件不会被提供。"
    remedy_en = (
        "Restore the files folder in {home} from your backup; what does not match its hash is not served."
    )


class MigrationFailed(StoreFault):
    code = "migration_failed"
    zh = "数据库升级失败（{app} {migration}）：{problem}。"
    en = "The database could not be migrated ({app} {migration}): {problem}."
    remedy_zh = "该步骤已整体回滚，数据未变；请安装与数据库相符的版本，或按提示排除原因后重新启动。"
    remedy_en = (
        "The step was rolled back, no data changed; install the version that fits or remove the cause."
    )


class InternalError(GongzhiError):
    """Something unforeseen; what it was stands in the server's log only."""

    code = "internal_error"
    zh = "服务内部错误。"
    en = "Something went wrong inside."
    remedy_zh = "请稍后重试；若反复出现，请把时间告知管理员。"
    remedy_en = "Try again later; if it happens again, tell the administrator when."


class ProviderUnavailable(GongzhiError):
    """An OIDC provider does not answer, or not as one does; what it was stands in the server's log only."""

    code = "provider_unavailable"
    status = 503
    zh = "“{provider}”暂时不能登录。"
    en = "Sign-in by {provider} is not available now."
    remedy_zh = "请稍后重试，或改用其他方式登录。"
    remedy_en = "Try again later, or sign in another way."


class OidcMisconfigured(GongzhiError):
    """The file of OIDC providers says what we can't or won't do."""

    code = "oidc_misconfigured"
    status = 503
    zh = "登录提供方的配置不可用（{place}）：{problem}。"
    en = "The configuration of sign-in providers can't be used ({place}): {problem}."
    remedy_zh = "请对照操作指南改正 GONGZHI_OIDC 所指的文件后重新启动。"
    remedy_en = "Correct the file that GONGZHI_OIDC names after the how-to guide, and start again."


class AuditBroken(GongzhiError):
    """The audit log does not prove what it should; somebody or something changed a byte."""

    code = "audit_broken"
    zh = "审计日志校验失败：{problem}。"
    en = "The audit log does not verify: {problem}."
    remedy_zh = "请保全现场并通知审计管理员。"
    remedy_en = "Preserve everything as it is and call the audit administrator."


class AuditKeyDiffers(AuditBroken):
    """A checkpoint carries signatures, but none of the key that the verifier brought."""

    code = "audit_key_differs"
    zh = "检查点由 {found} 签署，而不是由 {given} 签署。"
    en = "The checkpoint is signed by {found}, not by {given}."
    remedy_zh = "请经日志以外的途径核对公钥（gongzhi audit key）；若公钥无误，请保全现场并通知审计管理员。"
    remedy_en = (
        "Compare the public key (gongzhi audit key) by a way other than the log; if yours is right, preserve everything"
        " as it is and call the audit administrator."
    )


class AuditUnreachable(GongzhiError):
    """Nothing was verified: where we were sent there is no log, or nobody answers."""

    code = "audit_unreachable"
    status = 503
    zh = "在 {address} 读不到审计日志：{problem}。"
    en = "No audit log can be read at {address}: {problem}."
    remedy_zh = "请核对地址（形如 https://host/audit，或导出的文件夹）和网络；什么都没有校验。"
    remedy_en = (
        "Check the address (https://host/audit, or an exported folder) and the network; nothing was verified."
    )


class AuditNotStarted(NotFound):
    """There is no log yet: nobody has sequenced anything in this installation."""

    code = "audit_not_started"
    zh = "审计日志尚未开始，没有可校验的内容。"
    en = "The audit log has not begun, there is nothing to verify yet."
    remedy_zh = "请先运行 gongzhi serve 或 gongzhi worker；若日志本应存在，请核对 GONGZHI_HOME 和 GONGZHI_DATABASE_URL。"
    remedy_en = (
        "Run gongzhi serve or gongzhi worker first; if there should be a log, check GONGZHI_HOME and"
        " GONGZHI_DATABASE_URL."
    )


class CannotListen(GongzhiError):
    """The web process can't have the address that it was told to listen on."""

    code = "cannot_listen"
    status = 503
    zh = "不能在 {address} 监听：{problem}。"
    en = "Can't listen on {address}: {problem}."
    remedy_zh = "请停止占用该端口的程序，或换一个端口：gongzhi serve --port 8001，或 make run PORT=8001。"
    remedy_en = "Stop the program that has the port, or take another: gongzhi serve --port 8001, or make run PORT=8001."


class GraphiqlNotBuilt(GongzhiError):
    """GraphiQL's files are missing from the installed package."""

    code = "graphiql_not_built"
    status = 503
    zh = "GraphiQL 的网页文件不存在，接口不受影响。"
    en = "GraphiQL's web files are missing; the API is not affected."
    remedy_zh = "请重新安装 gongzhi-graphql；在源码目录中运行 uv sync --reinstall-package gongzhi-graphql。"
    remedy_en = (
        "Install gongzhi-graphql again; in a checkout run uv sync --reinstall-package gongzhi-graphql."
    )


class ConsoleNotBuilt(GongzhiError):
    """The web console's built files are missing from the installed package."""

    code = "console_not_built"
    status = 503
    zh = "控制台的网页文件不存在，接口不受影响。"
    en = "The console's web files are missing; the API is not affected."
    remedy_zh = "请重新安装 gongzhi-admin；在源码目录中运行 uv sync --reinstall-package gongzhi-admin。"
    remedy_en = "Install gongzhi-admin again; in a checkout run uv sync --reinstall-package gongzhi-admin."


def tree(root: type[GongzhiError] = GongzhiError) -> list[type[GongzhiError]]:
    """Every error class that has a code, in order of definition."""
    own = [root] if root.code else []
    return own + [leaf for child in root.__subclasses__() for leaf in tree(child)]
