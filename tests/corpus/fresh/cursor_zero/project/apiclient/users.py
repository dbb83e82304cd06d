from apiclient.pages import fetch_all


def active_users(get_page):
    return [user["name"] for user in fetch_all(get_page) if user.get("active", True)]
