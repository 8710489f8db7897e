"""OAuth over HTTP, by which registered apps and service accounts get tokens.

After OAuth 2.1 as its parts say it: RFC 6749 (codes), 7636 (PKCE, S256 only), 7009 (giving a token back), 8414
(metadata), 9207 (`iss`) and 9700 (best practice).
"""
