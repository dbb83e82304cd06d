"""Who may do what with a document."""


def may_read(user, document):
    return user.admin or user == document.owner or (document.shared and user in document.readers | document.editors)


def may_edit(user, document):
    if user.admin:
        return True
    return not document.locked and (user == document.owner or (document.shared and user in document.editors))


def may_delete(user, document):
    return user.admin or (user == document.owner and not document.locked)
